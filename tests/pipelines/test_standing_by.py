"""Workers that stand by at a control plane: what they take, what they take over, what they say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from killed_server import control_plane
from millwright.kernel import clock
from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace
from millwright.pipelines import PipelineClient, find_pipeline, queue_run
from millwright.pipelines.records import Claim, ClaimNext

FLOW = """
import time
from pathlib import Path
import millwright as mw

@mw.step(cache=False)
def talk(gate: str) -> str:
    print("before", flush=True)
    Path(gate + ".began").write_text(str(time.time()))
    while not Path(gate).exists():
        time.sleep(0.02)
    print("after", flush=True)
    return gate

@mw.pipeline
def talking(gate: str) -> str:
    return talk(gate)
"""


@contextmanager
def standing(folder: Path, url: str) -> Iterator[None]:
    """``mw pipelines worker`` in a folder that is not the server's; killed with all it forked."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("mw"), "pipelines", "worker", "--lease", "2s"],
        cwd=folder,
        env={**os.environ, "MILLWRIGHT_URL": url},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
    finally:
        for one in [*children(process.pid), process.pid]:
            os.kill(one, signal.SIGKILL)
        process.communicate()


def children(process: int) -> list[int]:
    """Those that it forked and those that these forked, so that none outlives it."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [below for child in map(int, found) for below in (child, *children(child))]


def until_written(path: Path) -> float:
    """The moment that a step wrote down."""
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return float(path.read_text())


@pytest.mark.slow
def test_a_run_of_a_killed_worker_is_taken_over_when_its_lease_is_over_and_its_lines_stay(
    workspace: Workspace,
) -> None:
    (workspace.root / "talk.py").write_text(FLOW)
    gate, elsewhere = workspace.root / "gate", workspace.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "millwright.yaml").write_text("project: other\n")  # not the control plane's own
    with control_plane(workspace.root) as (url, _), connect(workspace, url) as door:
        client = PipelineClient(door)
        pipeline = find_pipeline(str(workspace.root / "talk.py"))
        with standing(elsewhere, url):
            run = queue_run(door, "other", pipeline, {"gate": str(gate)})
            said = until_written(Path(f"{gate}.began"))
            lines = client.log(run.id, "talk", wait_ms=10_000)
            heard = time.time()
        assert "".join(part.text for part in lines.parts) == "before\n"
        assert heard - said < 5, "a line reaches who watches while the step runs"
        assert [part.text for part in client.log(run.id, "talk").parts] == ["before\n"]
        seen = {"after": lines.parts[-1].number, "attempt": lines.attempt}

        lease = client.get(run.id).lease_expires
        gate.touch()
        with standing(elsewhere, url):
            while (done := client.get(run.id)).status == "running":
                time.sleep(0.05)
        last = client.log(run.id, "talk", **seen)
        log = "".join(part.text for part in last.parts)
        (_, second) = client.attempts(run.id)
    assert (done.status, last.whole, log) == ("succeeded", True, "before\nafter\n")
    assert lease is not None
    assert clock.parse_rfc3339(second.started) >= clock.parse_rfc3339(lease)


def test_a_lease_that_is_over_is_seen_within_a_second(workspace: Workspace) -> None:
    (workspace.root / "talk.py").write_text(FLOW)
    with connect(workspace) as door:
        client = PipelineClient(door)
        pipeline = find_pipeline(str(workspace.root / "talk.py"))
        run = queue_run(door, "p", pipeline, {"gate": "gate"})
        lost = client.claim(run.id, Claim(owner="another/1/1", lease_ms=1_000))
        taken = client.claim_next("p", ClaimNext(owner="this/1/1", wait_ms=30_000))
        now = clock.now_ms()
    assert taken is not None
    assert (taken.id, taken.attempt) == (run.id, 2)
    assert lost.lease_expires is not None
    assert 0 <= now - clock.parse_rfc3339(lost.lease_expires) < 1_000
