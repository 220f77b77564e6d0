"""The prediction log stays small in number, forgets what it is told to, and loses nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from millwright.kernel import events
from millwright.kernel.access import SYSTEM
from millwright.monitoring import MonitorController, list_windows
from millwright.monitoring.log_upkeep import LEAST_SEGMENTS, _Kept, _newest_run, compact, forget
from millwright.monitoring.tables import prediction_segments as segments

HOUR = 3_600_000


def kept(world: Any) -> list[Any]:
    with world.store.read() as connection:
        return list(connection.execute(select(segments).order_by(segments.c.seq)))


def aged(world: Any, hours: float) -> None:
    """As if everything in the log had been served so long ago."""
    with world.store.write(SYSTEM, world.project) as tx:
        served = segments.c.max_served_ms - int(hours * HOUR)
        tx.execute(update(segments).values(max_served_ms=served))


def tidy(world: Any) -> int:
    return compact(world.store, world.project, world.deployment.id, world.spool, 10**9)


def test_many_small_segments_become_one_and_windows_stay_the_same(
    world: Any, controller: MonitorController
) -> None:
    ids = world.traffic(0, 1200, segments=100)
    world.traffic(1, 100)
    controller.reconcile()
    before = list_windows(world.store, world.project, "flights")
    assert tidy(world) == 0, "segments served a moment ago are left alone"
    aged(world, 1)
    assert tidy(world) == 102
    assert tidy(world) == 0
    (row,) = kept(world)
    assert row.rows == 1300
    world.label(ids)
    controller.reconcile()
    after = list_windows(world.store, world.project, "flights")
    assert after[0].features == before[0].features
    assert (after[0].n, after[0].n_labelled) == (1200, 1200)
    with world.store.read() as connection:
        (told,) = events.read(connection, kind="predictions.compacted", limit=10)
    assert told.payload == {"segments": 102, "rows": 1300}


def test_a_segment_whose_file_is_still_there_ends_what_is_put_together(
    world: Any, controller: MonitorController
) -> None:
    world.traffic(0, 1000, segments=100)
    controller.reconcile()
    aged(world, 1)
    (world.spool / kept(world)[-3].file_name).write_bytes(b"")
    assert tidy(world) == 0
    assert len(kept(world)) == 100


def test_a_damaged_segment_keeps_the_log_as_it_is(
    world: Any, controller: MonitorController
) -> None:
    world.traffic(0, 1000, segments=100)
    controller.reconcile()
    aged(world, 1)
    with world.store.write(SYSTEM, world.project) as tx:
        tx.execute(update(segments).where(segments.c.seq == 5).values(digest="0" * 64))
    assert tidy(world) == 0
    assert len(kept(world)) == 100


def test_what_was_served_long_ago_is_forgotten_and_its_windows_stay(
    world: Any, controller: MonitorController
) -> None:
    old = world.traffic(0)
    controller.reconcile()
    aged(world, 48)
    world.traffic(1)
    world.traffic(2)
    controller.reconcile()
    first = list_windows(world.store, world.project, "flights")[0]
    assert forget(world.store, world.project, world.deployment.id, 24 * HOUR, 10**9) == 600
    assert forget(world.store, world.project, world.deployment.id, 24 * HOUR, 10**9) == 0
    world.label(old)
    again = MonitorController(world.store)
    again.reconcile()
    again.shutdown()
    windows = list_windows(world.store, world.project, "flights")
    assert windows[0] == first
    assert [window.n for window in windows] == [600, 600, 600]


def test_the_controller_does_it_by_itself(
    world: Any, controller: MonitorController, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.traffic(0, 1000, segments=100)
    world.traffic(1, 100)
    controller.reconcile()
    aged(world, 1)
    again = MonitorController(world.store)
    again.reconcile()
    again.shutdown()
    assert len(kept(world)) == 1


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 700), st.integers(1, 40))
def test_each_row_is_rewritten_about_as_often_as_its_segment_doubles(count: int, rows: int) -> None:
    log: list[int] = []
    written = 0
    for _ in range(count):
        log.append(rows)
        newest = [_Kept(0, "x", "", size, None) for size in reversed(log[-1000:])]
        run = len(_newest_run(newest, Path("/nowhere")))
        if run >= LEAST_SEGMENTS:
            written += sum(log[-run:])
            log[-run:] = [sum(log[-run:])]
    assert sum(log) == count * rows
    assert written <= 14 * count * rows
    assert len(log) < 64 + 64 + count * rows // 50_000 + 20
