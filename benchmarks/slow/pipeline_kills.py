"""Kill the processes of pipeline runs at random instants, and hold the runs to their promise.

    python benchmarks/slow/pipeline_kills.py [--kills 200] [--postgresql] [--seed 1]

Each run has short and longer steps, steps in workers and a map. Its engine, one of its workers, or
both get SIGKILL at a random moment; then another engine goes on with the run, after the file with
the steps was edited (the run has its own code). Before every third kill a second process starts on
the live store, looks for runs to take over and asks for this one. A run must end with the right
value, no step that was committed before a kill may be called after it, and the second process must
get nothing. Engines are forks of a process that has everything loaded, as under a control plane.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

PRELOADED = ["millwright.pipelines.worker", "millwright.pipelines.crew", Path(__file__).stem]

FLOW = """
import os, time
from pathlib import Path
import millwright as mw

def mark(folder, name):
    with open(Path(folder) / "calls.txt", "a") as file:
        file.write(f"{name}\\n")

@mw.step
def quick(folder: str, value: int) -> int:
    mark(folder, mw.step_context().task)
    return value + 1

@mw.step(cache=False)
def slow(folder: str, value: int) -> int:
    mark(folder, mw.step_context().task)
    time.sleep(0.05)
    return value + 1

@mw.step(isolation="process")
def apart(folder: str, value: int) -> int:
    mark(folder, mw.step_context().task)
    time.sleep(0.02)
    return value + 1

@mw.step
def items(folder: str, value: int) -> list[int]:
    mark(folder, mw.step_context().task)
    return list(range(value, value + 6))

@mw.step
def each(value: int, folder: str) -> int:
    mark(folder, mw.step_context().task)
    time.sleep(0.02)
    return value

@mw.step
def total(folder: str, values: list[int]) -> int:
    mark(folder, mw.step_context().task)
    return sum(values)

@mw.pipeline
def flow(folder: str, run: int) -> int:
    value = run
    for _ in range(12):
        value = apart(folder, slow(folder, quick(folder, value)))
    return total(folder, each.map(items(folder, value), folder=folder))
"""


def warm() -> None:
    """Load everything and build the application once: the forks of this process have it then."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines.worker import preload

    with tempfile.TemporaryDirectory() as folder, connect(Workspace(Path(folder))) as door:
        door.get("/health")
    preload()


def descendants(process: int) -> list[int]:
    """The processes below one: a worker is a grandchild of its engine."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children] + [
        below for child in children for below in descendants(int(child))
    ]


def work(run_id: str, folder: str, url: str | None) -> None:
    """An engine: execute the run, or go on with it."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    if url is not None:
        os.environ["MILLWRIGHT_DATABASE_URL"] = url
    from millwright.pipelines.nursery import fork_beside
    from millwright.pipelines.worker import main

    fork_beside()
    main(["--run", run_id, "--workspace", folder, "--lease-ms", "30000"])


def intrude(run_id: str, folder: str, url: str | None, answer: Connection) -> None:
    """A second process on the live store: whether it got anything."""
    if url is not None:
        os.environ["MILLWRIGHT_DATABASE_URL"] = url
    from millwright.kernel.door import connect
    from millwright.kernel.errors import Conflict
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines import PipelineClient
    from millwright.pipelines.records import Claim, ClaimNext

    with connect(Workspace(Path(folder))) as door:
        client = PipelineClient(door)
        got = client.claim_next("p", ClaimNext(owner="intruder")) is not None
        try:
            client.claim(run_id, Claim(owner="intruder"))
            got = True
        except Conflict:
            pass
    answer.send(got)


def kill(engine: SpawnProcess, chance: random.Random) -> None:
    """SIGKILL to the engine, to one of its workers, or to both."""
    which = chance.choice(("engine", "worker", "both"))
    assert engine.pid is not None
    workers = descendants(engine.pid)[1:]
    for worker in workers[:1] if which != "engine" else []:
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if which != "worker" or not workers:
        engine.kill()
        engine.join()


def main(kills: int, seed: int, *, postgresql: bool) -> None:
    """Run the campaign and print what came of it."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines import PipelineClient, find_pipeline, queue_run

    chance, done, runs, lost, again, stolen = random.Random(seed), 0, 0, 0, 0, 0
    processes = multiprocessing.get_context("forkserver")
    # The process that forks looks for modules here too; it does not hear of this one's path.
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    processes.set_forkserver_preload(PRELOADED)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = None
        if postgresql:
            import postgres_server

            url = stack.enter_context(postgres_server.running())
            os.environ["MILLWRIGHT_DATABASE_URL"] = url
        code = folder / "kill_flow.py"
        code.write_text(FLOW)
        workspace = Workspace(folder)
        door = stack.enter_context(connect(workspace))
        client, calls = PipelineClient(door), folder / "calls.txt"
        pipeline = find_pipeline(str(code))
        while done < kills:
            runs += 1
            calls.write_text("")
            run = queue_run(door, "p", pipeline, {"folder": str(folder), "run": runs * 1000})
            while (known := client.get(run.id)).status in ("queued", "running"):
                committed = {t.name for t in known.tasks if t.status in ("succeeded", "cached")}
                before = calls.read_text()
                engine = processes.Process(target=work, args=(run.id, str(folder), url))
                engine.start()
                while calls.read_text() == before and engine.is_alive():
                    time.sleep(0.005)
                if done < kills:
                    mine = None
                    if done % 3 == 0:
                        mine, theirs = processes.Pipe()
                        second = (run.id, str(folder), url, theirs)
                        processes.Process(target=intrude, args=second).start()
                    time.sleep(chance.uniform(0, 1))
                    if engine.is_alive():
                        kill(engine, chance)
                        done += 1
                        code.write_text(FLOW + f"\nEDITED = {done}\n")
                    stolen += mine is not None and mine.recv()
                engine.join()
                called = calls.read_text()[len(before) :].split()
                again += sum(name in committed for name in called)
            ended = client.get(run.id)
            value = runs * 1000 + 36
            right = ended.status == "succeeded" and sum(range(value, value + 6)) == int(
                door.fetch("p", {t.name: t for t in ended.tasks}["total"].outputs["result"].digest)
            )
            lost += not right
            print(f"{done} kills, {runs} runs, {lost} lost, {again} again, {stolen}", flush=True)
    where = "PostgreSQL" if postgresql else "SQLite"
    print(f"{where}: {done} kills in {runs} runs: {lost} lost runs, {again} committed steps re-run, "
          f"{stolen} taken by a second process")  # fmt: skip
    if lost or again or stolen:
        sys.exit(1)


if __name__ == Path(__file__).stem:
    warm()  # preloaded by the process that engines are forked of
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    main(options.kills, options.seed, postgresql=options.postgresql)
