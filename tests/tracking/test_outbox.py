"""What is logged while the server is slow, away, killed and back again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from millwright.cli.main import cli
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import Conflict, Unavailable
from millwright.kernel.workspace import Workspace
from millwright.tracking import MetricPoint, get_run, metric_history
from millwright.tracking.api import start_run
from millwright.tracking.outbox import MOST_IN_MEMORY, Outbox
from millwright.tracking.unsent import Entry, Unsent, left_behind

MW = Path(sys.executable).parent / "mw"
P = "shop"


def point(step: int) -> MetricPoint:
    return MetricPoint(key="m", value=step, step=step, time_ms=step)


class Server:
    """Takes entries, unless it is told to be away, to be slow, or to refuse."""

    def __init__(self) -> None:
        self.taken: list[Entry] = []
        self.away = threading.Event()
        self.asked = threading.Event()
        self.open = threading.Event()
        self.open.set()

    def send(self, entries: Sequence[Entry]) -> None:
        self.asked.set()
        self.open.wait()
        if self.away.is_set():
            raise Unavailable("test.away", "Nothing answers.")
        if entries[0].what == "params":
            raise Conflict("test.no", "That parameter has another value.")
        self.taken.extend(entries)

    @property
    def steps(self) -> list[int]:
        return [p.step for entry in self.taken for p in entry.points]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def unsent(tmp_path: Path) -> Unsent:
    return Unsent(tmp_path / "unsent" / "run.jsonl", None)


def test_logging_does_not_wait_for_the_server(server: Server, unsent: Unsent) -> None:
    server.open.clear()
    outbox = Outbox(server.send, unsent, every_seconds=0.001)
    started = time.perf_counter()
    for step in range(5000):
        outbox.add([point(step)])
    assert time.perf_counter() - started < 1.0
    server.open.set()
    assert outbox.close(10)
    assert sorted(server.steps) == list(range(5000))


def test_memory_is_bounded_while_the_server_hangs(server: Server, unsent: Unsent) -> None:
    server.open.clear()
    outbox = Outbox(server.send, unsent, every_seconds=0.001)
    outbox.add([point(0)])
    assert server.asked.wait(10)
    outbox.add([point(step) for step in range(1, MOST_IN_MEMORY + 1)])
    assert not unsent.empty, "what is too much for memory is on the disk"
    server.open.set()
    assert outbox.close(10)
    assert unsent.empty
    assert sorted(server.steps) == list(range(MOST_IN_MEMORY + 1))


def test_what_could_not_be_sent_is_on_disk_and_sent_in_order(
    server: Server, unsent: Unsent
) -> None:
    server.away.set()
    outbox = Outbox(server.send, unsent, every_seconds=0.001)
    outbox.add([point(0)])
    outbox.put(Entry("tags", values={"a": "b"}))
    with pytest.raises(Unavailable):
        outbox.flush()
    server.away.clear()
    outbox.add([point(1)])
    assert outbox.close(10)
    assert [entry.what for entry in server.taken] == ["metrics", "tags", "metrics"]
    assert server.steps == [0, 1]


def test_what_nobody_took_waits_for_the_next_process(server: Server, unsent: Unsent) -> None:
    server.away.set()
    outbox = Outbox(server.send, unsent, every_seconds=0.001)
    outbox.add([point(7), MetricPoint(key="n", value=float("nan"), time_ms=1)])
    assert not outbox.close(0)
    ((path, url),) = left_behind(unsent.path.parent)
    (entry,) = Unsent(path, url).entries()
    assert [p.step for p in entry.points] == [7, 0]
    assert entry.points[1].value != entry.points[1].value


def test_a_line_that_a_kill_cut_off_is_left_out(unsent: Unsent) -> None:
    unsent.append([Entry("metrics", (point(1),))])
    with unsent.path.open("a") as file:
        file.write('{"what": "metr')
    unsent.close()
    assert [entry.points[0].step for entry in unsent.entries()] == [1]


def test_a_file_that_somebody_still_writes_is_left_alone(unsent: Unsent) -> None:
    unsent.append([Entry("metrics", (point(1),))])
    assert left_behind(unsent.path.parent) == []
    unsent.close()
    assert len(left_behind(unsent.path.parent)) == 1


def test_what_is_refused_is_told_and_does_not_hold_up_the_rest(
    server: Server, unsent: Unsent
) -> None:
    outbox = Outbox(server.send, unsent, every_seconds=0.001)
    outbox.put(Entry("params", values={"a": 1}))
    outbox.add([point(1)])
    assert outbox.close(10)
    assert server.steps == [1]
    assert isinstance(outbox.refusal, Conflict)


# Real servers


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "millwright.yaml").write_text(f"project: {P}\ndata: {{source: a.csv, target: y}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MILLWRIGHT_URL", raising=False)
    monkeypatch.setenv("MILLWRIGHT_PATIENCE", "0")
    return Workspace(tmp_path)


class ControlPlane:
    """`mw server` in a process of its own, on any free port."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._log = workspace.root / "server.log"
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(MW), "server", "--port", "0"], cwd=workspace.root, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while workspace.running_url() is None or workspace.running()[1] != self.process.pid:  # type: ignore[index]
            assert self.process.poll() is None, self._log.read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def test_a_killed_server_on_another_port_gets_everything(project: Workspace) -> None:
    first = ControlPlane(project)
    with start_run(project=P) as run:
        run.log_metric("m", 0, step=0)
        run.flush()
        first.kill()
        started = time.perf_counter()
        for step in range(1, 2000):
            run.log_metric("m", step, step=step)
        run.set_tag("while", "away")
        run.log_params({"depth": 3})
        assert time.perf_counter() - started < 2.0, "training went on"
        with pytest.raises(Unavailable):
            run.flush()
        second = ControlPlane(project)
        run.log_metric("m", 2000, step=2000)
        run.flush()
        run.log_artifact(b"bytes", "after.bin")
    with connect() as door:
        read = get_run(door, run.id)
        steps = [p.step for p in metric_history(door, run.id, "m")]
    second.kill()
    assert (read.status, read.tags["while"], read.params) == ("finished", "away", {"depth": 3})
    assert steps == list(range(2001))
    assert list((project.state / "unsent").glob("*.jsonl")) == []


def test_a_run_that_ends_without_a_server_is_told_by_the_command(
    project: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    server = ControlPlane(project)
    with start_run(project=P) as run:
        run.log_metric("m", 1, step=1)
        server.kill()
        run.log_metric("m", 2, step=2)
    assert "mw runs sync" in capsys.readouterr().err
    with connect() as door:
        assert get_run(door, run.id).status == "running"
    told = CliRunner().invoke(cli, ["runs", "sync", "--json"])
    assert json.loads(told.output)["sent"] == [run.id]
    with connect() as door:
        assert get_run(door, run.id).status == "finished"
        assert [p.step for p in metric_history(door, run.id, "m")][-1] == 2
    assert "Nothing waits" in CliRunner().invoke(cli, ["runs", "sync"]).output


def test_the_next_run_here_takes_along_what_was_left(project: Workspace) -> None:
    server = ControlPlane(project)
    with start_run(project=P) as run:
        server.kill()
    left = project.state / "unsent" / f"{run.id}.jsonl"
    assert left.exists()
    with start_run(project=P) as later:
        deadline = time.monotonic() + 30
        while left.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert get_run(later.door, run.id).status == "finished"


def test_what_is_meant_for_another_server_is_not_sent_here(project: Workspace, door: Door) -> None:
    unsent = Unsent(project.state / "unsent" / f"{'a' * 32}.jsonl", "https://elsewhere.example")
    unsent.append([Entry("metrics", (point(1),))])
    unsent.close()
    told = json.loads(CliRunner().invoke(cli, ["runs", "sync", "--json"]).output)
    assert told["waiting"] == ["a" * 32]
    assert unsent.path.exists()
