"""The spool reaches the store exactly once, whatever is killed when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import func, select

from millwright.kernel import events
from millwright.monitoring import MonitorController, list_windows
from millwright.monitoring.ingest import ingest, waiting_segments
from millwright.monitoring.tables import prediction_segments
from stored_bytes import damage


def stored(world: Any) -> tuple[int, int]:
    query = select(func.count(), func.sum(prediction_segments.c.rows))
    with world.store.read() as connection:
        segments, rows = connection.execute(query).one()
    return segments, rows or 0


def take(world: Any) -> int:
    return len(ingest(world.store, world.project, world.deployment.id, world.spool))


def test_segments_are_stored_and_their_files_deleted(world: Any) -> None:
    world.traffic(0, 600, segments=3)
    assert take(world) == 3
    assert stored(world) == (3, 600)
    assert waiting_segments(world.spool) == []
    with world.store.read() as connection:
        digests = connection.execute(select(prediction_segments.c.digest)).scalars().all()
    assert all(world.store.objects.of(world.project).has(digest) for digest in digests)
    assert take(world) == 0


def test_an_absent_spool_is_an_empty_one(world: Any) -> None:
    assert take(world) == 0


def test_a_file_whose_row_exists_is_only_deleted(world: Any) -> None:
    world.traffic(0, 100, segments=1)
    (path,) = waiting_segments(world.spool)
    content = path.read_bytes()
    take(world)
    path.write_bytes(content)
    assert take(world) == 0
    assert stored(world) == (1, 100)
    assert not path.exists()


def test_an_object_without_its_row_is_simply_used(world: Any) -> None:
    world.traffic(0, 100, segments=1)
    (path,) = waiting_segments(world.spool)
    world.store.objects.of(world.project).put(path.read_bytes())
    assert take(world) == 1
    assert stored(world) == (1, 100)


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "columns", "no rows"])
def test_a_broken_segment_is_put_aside_and_the_rest_go_on(world: Any, damage: str) -> None:
    world.traffic(0, 200, segments=2)
    broken = waiting_segments(world.spool)[0]
    whole = broken.read_bytes()
    if damage == "truncated":
        broken.write_bytes(whole[: len(whole) // 2])
    elif damage == "garbage":
        broken.write_bytes(b"ARROW1" + os.urandom(4000))
    elif damage == "empty":
        broken.write_bytes(b"")
    elif damage == "columns":
        world.put(broken.name, pa.table({"prediction_id": ["a"]}))
    else:
        world.put(broken.name, pa.ipc.open_file(whole).read_all().slice(0, 0))
    assert take(world) == 1
    assert stored(world) == (1, 100)
    assert waiting_segments(world.spool) == []
    with world.store.read() as connection:
        found = events.read(connection, kind="predictions.quarantined")
    if damage == "no rows":
        assert found == []
        return
    assert found[0].payload["file"] == broken.name
    assert (world.spool / "quarantine" / broken.name).exists()


def test_files_still_being_written_are_left_alone(world: Any) -> None:
    world.traffic(0, 100, segments=1)
    half = world.spool / ".1700000000000-1-1.tmp"
    half.write_bytes(b"half")
    assert take(world) == 1
    assert half.exists()


def test_a_damaged_object_does_not_stop_the_window(
    world: Any, controller: MonitorController
) -> None:
    world.traffic(0, 600, segments=3)
    take(world)
    with world.store.read() as connection:
        digest = connection.execute(select(prediction_segments.c.digest).limit(1)).scalar()
    damage(world.store.objects.of(world.project), digest)
    controller.reconcile()
    assert list_windows(world.store, world.project, "flights")[0].n == 400


KILLED = """
    import sys
    from pathlib import Path
    from millwright.kernel.workspace import Workspace
    from millwright.monitoring import MonitorController
    from millwright.server.opening import open_store
    controller = MonitorController(open_store(Workspace(Path(sys.argv[1]))))
    print("ready", flush=True)
    while True:
        controller.reconcile()
"""


@pytest.mark.slow
def test_kill_minus_nine_at_any_moment_loses_and_doubles_nothing(
    world: Any, workspace: Any
) -> None:
    expected = 0
    for round_ in range(3):
        world.traffic(round_, 600, segments=30)
        expected += 600
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(workspace.root)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.01 * round_)  # Each round dies at another moment of the work.
        child.send_signal(signal.SIGKILL)
        child.wait()
    controller = MonitorController(world.store)
    while waiting_segments(world.spool):
        controller.reconcile()
    world.traffic(3, 30)
    controller.reconcile()
    controller.shutdown()
    assert stored(world)[1] == expected + 30
    found = list_windows(world.store, world.project, "flights")
    assert [window.n for window in found[:3]] == [600] * 3
    with world.store.read() as connection:
        assert events.verify(connection).ok


def test_segments_are_taken_oldest_first(world: Any) -> None:
    world.spool.mkdir(parents=True)
    for name in ("3-0-1.arrow", "1-0-1.arrow", "2-0-1.arrow"):
        (world.spool / name).touch()
    assert [Path(path).name[0] for path in waiting_segments(world.spool)] == ["1", "2", "3"]
