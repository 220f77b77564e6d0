"""What running steps durably costs, on graphs that do nothing else.

    python benchmarks/pipelines/engine.py [chain|map|isolated|command|trigger ...]

Each on a fresh workspace with SQLite at full synchronisation. Wall-clock and processor time are
given, since on a busy machine only the second means much. The processor time of a chain includes the
thread that commits. One JSON object per line.
"""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import graphs

from millwright.automation.triggers.client import TriggerClient
from millwright.automation.triggers.records import FireByHand
from millwright.kernel.config_automation import TriggerConfig
from millwright.kernel.door import Door, connect
from millwright.kernel.workspace import Workspace
from millwright.pipelines import PipelineClient, PipelineResult, execute, queue_run

HERE = Path(__file__).parent
ROUNDS = 5


@contextmanager
def fresh() -> Iterator[Workspace]:
    """A workspace of its own, its database made."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        workspace.folder()
        # In a process of its own, so that the application's memory is not in the numbers.
        make = "from millwright.kernel.door import connect; connect().close()"
        subprocess.run([sys.executable, "-c", make], cwd=folder, check=True)
        yield workspace


def say(name: str, **numbers: float) -> None:
    """One measurement."""
    print(json.dumps({"what": name, **{k: round(v, 2) for k, v in numbers.items()}}), flush=True)


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def best(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """The fastest of several rounds."""
    return {"wall_ms": min(wall for wall, _ in pairs), "cpu_ms": min(cpu for _, cpu in pairs)}


def chain() -> None:
    """200 steps one after another: executed, executed one commit at a time, and all known."""
    with fresh() as workspace:
        execute(workspace, "warm-up", graphs.chain, {"length": 1})
        first = [
            timed(lambda n=n: execute(workspace, f"p{n}", graphs.chain))  # type: ignore[misc]
            for n in range(ROUNDS)
        ]
        known = [timed(lambda: execute(workspace, "p0", graphs.chain)) for _ in range(ROUNDS)]
        each = [timed(lambda: execute(workspace, "d", graphs.durable_chain)) for _ in range(2)]
    say("chain of 200, executed", **best(first))
    say("chain of 200, one commit each", **best(each))
    say("chain of 200, known", **best(known))


def wide() -> None:
    """A map over 10,000 items on two workers."""
    os.environ["MILLWRIGHT_WORKERS"] = "2"
    with fresh() as workspace:
        before, peak = children(), Peak()
        with peak:
            wall, cpu = timed(lambda: execute(workspace, "m", graphs.wide))
        cpu += (children() - before) * 1e3
        say("map of 10,000 on 2 workers", wall_ms=wall, cpu_ms=cpu, peak_mb=peak.megabytes)


class Peak:
    """The most memory that this process and those below it had at once, shared pages once."""

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            kilobytes = sum(map(_share, [os.getpid(), *_below(os.getpid())]))
            self.megabytes = max(self.megabytes, kilobytes / 1024)


def _share(process: int) -> int:
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss: +(\d+)", text, re.M)
    return 0 if found is None else int(found[1])


def _below(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:
        return []
    children = [int(child) for child in text.split()]
    return children + [below for child in children for below in _below(child)]


def children() -> float:
    """Processor seconds of children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def isolated() -> None:
    """What a warm process of its own adds to a step."""
    with fresh() as workspace:
        result = execute(workspace, "i", graphs.isolated_chain)
        tasks = [task.duration_ms or 0 for task in result.run.tasks][5:]
    say("isolated step", p50_ms=statistics.median(tasks), p95_ms=sorted(tasks)[-3])


def command() -> None:
    """``mw run FILE`` with every step known, from start to exit."""
    with fresh() as workspace:
        (workspace.root / "graphs.py").write_text((HERE / "graphs.py").read_text())
        mw = [str(Path(sys.executable).parent / "mw"), "run", "graphs.py:chain", "--json"]
        walls, cpus = [], []
        for _ in range(ROUNDS + 1):
            before = children()
            wall, _ = timed(lambda: subprocess.run(mw, cwd=workspace.root, check=True,
                                                   stdout=subprocess.DEVNULL))  # fmt: skip
            walls.append(wall)
            cpus.append((children() - before) * 1e3)
    say("mw run, all known", wall_ms=min(walls[1:]), cpu_ms=min(cpus[1:]))


def trigger() -> None:
    """From an event that is sent, and from a run that is queued, to the first step of it."""
    with fresh() as workspace:
        (workspace.root / "graphs.py").write_text((HERE / "graphs.py").read_text())
        server = subprocess.Popen(
            [Path(sys.executable).parent / "mw", "server", "--port", "0"],
            cwd=workspace.root,
            stdout=subprocess.DEVNULL,
        )
        while workspace.running_url() is None:
            time.sleep(0.05)
        try:
            with connect(workspace, patience_seconds=10) as door:
                triggers = TriggerClient(door, "default")
                triggers.put("t", TriggerConfig(when="webhook", pipeline="graphs.py:triggered"))

                def fire() -> str:
                    found = triggers.fire("t", FireByHand()).run_id
                    assert found is not None
                    return found

                for _ in range(3):
                    _first_step(door, fire)
                fired = [_first_step(door, fire) for _ in range(40)]
                queued = [
                    _first_step(door, lambda: queue_run(door, "default", graphs.triggered).id)
                    for _ in range(40)
                ]
        finally:
            server.terminate()
            server.wait()
    for what, waits in (("trigger", fired), ("queued run", queued)):
        numbers = {"p50_ms": statistics.median(waits), "p95_ms": sorted(waits)[-3]}
        say(f"{what} to first step", **numbers)


def _first_step(door: Door, ask: Callable[[], str]) -> float:
    asked = time.time()
    run_id = ask()
    while (found := PipelineClient(door).get(run_id)).status not in ("succeeded", "failed"):
        time.sleep(0.1)
    stepped = float(PipelineResult.of(found, door).value())
    time.sleep(0.1)  # let what ended go
    return (stepped - asked) * 1e3


MEASURES = {
    "chain": chain,
    "map": wide,
    "isolated": isolated,
    "command": command,
    "trigger": trigger,
}

if __name__ == "__main__":
    for chosen in sys.argv[1:] or MEASURES:
        MEASURES[chosen]()
