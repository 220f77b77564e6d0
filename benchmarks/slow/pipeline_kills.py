"""Kill the processes of pipeline runs at random instants, and hold the runs to their promise.

    python benchmarks/slow/pipeline_kills.py [--kills 200] [--postgresql] [--seed 1]

Each run has short and longer steps, steps in workers and a map. Its engine, one of its workers, or
both get SIGKILL at a random moment; then another engine goes on with the run, after the file with
the steps was edited (the run has its own code). A run must end with the right value, and no step
that was committed before a kill may be called after it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

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
    for _ in range(4):
        value = apart(folder, slow(folder, quick(folder, value)))
    return total(folder, each.map(items(folder, value), folder=folder))
"""


def descendants(process: int) -> list[int]:
    """The processes below one: a worker is a grandchild of its engine."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children] + [
        below for child in children for below in descendants(int(child))
    ]


def kill(engine: subprocess.Popen[bytes], chance: random.Random) -> None:
    """SIGKILL to the engine, to one of its workers, or to both."""
    which = chance.choice(("engine", "worker", "both"))
    workers = descendants(engine.pid)[1:]
    for worker in workers[:1] if which != "engine" else []:
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if which != "worker" or not workers:
        engine.kill()
        engine.wait()


def main(kills: int, seed: int, *, postgresql: bool) -> None:
    """Run the campaign and print what came of it."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import Workspace
    from millwright.pipelines import PipelineClient, find_pipeline, queue_run

    chance, done, runs, lost, again = random.Random(seed), 0, 0, 0, 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
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
            while client.get(run.id).status in ("queued", "running"):
                committed = {t.name for t in client.get(run.id).tasks
                             if t.status in ("succeeded", "cached")}  # fmt: skip
                before = calls.read_text()
                engine = subprocess.Popen(
                    [sys.executable, "-m", "millwright.pipelines.worker", "--run", run.id,
                     "--workspace", folder, "--lease-ms", "1000"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                while calls.read_text() == before and engine.poll() is None:
                    time.sleep(0.005)
                if done < kills:
                    time.sleep(chance.uniform(0, 0.5))
                    if engine.poll() is None:
                        kill(engine, chance)
                        done += 1
                        code.write_text(FLOW + f"\nEDITED = {done}\n")
                engine.wait()
                called = calls.read_text()[len(before) :].split()
                again += sum(name in committed for name in called)
            ended = client.get(run.id)
            value = runs * 1000 + 12
            right = ended.status == "succeeded" and sum(range(value, value + 6)) == int(
                door.fetch("p", {t.name: t for t in ended.tasks}["total"].outputs["result"].digest)
            )
            lost += not right
            print(f"{done} kills, {runs} runs, {lost} lost, {again} again", flush=True)
    where = "PostgreSQL" if postgresql else "SQLite"
    print(f"{where}: {done} kills in {runs} runs: {lost} lost runs, {again} committed steps re-run")
    if lost or again:
        sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    main(options.kills, options.seed, postgresql=options.postgresql)
