"""The worker process: executes one stored run and ends, or stands by for whatever is queued.

``python -m millwright.pipelines.worker --run ID --workspace DIR [--url URL] [--folder DIR]``

With ``--serve`` in place of ``--run`` it waits for runs and forks a child for each: everything is
loaded by then, and the project's code is loaded anew, as it is.

It may be killed at any moment; started again on the same run, it goes on after the last committed
step. Exit codes: 0 succeeded, 1 failed, 130 cancelled, else the code of the error.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import subprocess
import sys
from pathlib import Path

from millwright.kernel import process
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import InvalidInput, MillwrightError
from millwright.kernel.workspace import Workspace
from millwright.pipelines.api import project_of
from millwright.pipelines.client import PipelineClient
from millwright.pipelines.code_snapshot import know_modules, packed_code
from millwright.pipelines.dsl import pipeline, step
from millwright.pipelines.engine import LEASE_MS, execute
from millwright.pipelines.fingerprint import know_environment
from millwright.pipelines.lean_record import work_out_checks
from millwright.pipelines.listening import PipelineEvent
from millwright.pipelines.nursery import fork_beside
from millwright.pipelines.ownership import STANDING, this_owner
from millwright.pipelines.planning import recipes_of
from millwright.pipelines.records import ClaimNext, PipelineRunDetail

_EXIT = {"succeeded": 0, "failed": 1, "cancelled": 130, "waiting": 75}
_PATIENCE_SECONDS = 60.0
"""How long a worker waits for a control plane that is being restarted."""

_PRELOADED = (
    "numpy",
    "pyarrow",
    "httpcore",
    "encodings.idna",
    "millwright.pipelines.code_digest",
    "millwright.pipelines.crew",
    "millwright.pipelines.isolated",
    "millwright.pipelines.result",
)


def spawn_worker(
    run_id: str, *, workspace: Workspace, url: str | None, folder: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a worker that ends with this process; what it says goes to a file per run."""
    arguments = ["-m", __name__, "--run", run_id, "--workspace", str(workspace.root), "--lifeline"]
    arguments += ["--folder", str(folder or workspace.root)]
    if url is not None:
        arguments += ["--url", url]
    return process.spawn(arguments, log=workspace.folder("logs") / f"worker-{run_id}.log")


def main(arguments: list[str] | None = None) -> int:
    """Execute the run that the arguments name; the exit code."""
    parser = argparse.ArgumentParser(prog="millwright.pipelines.worker")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run")
    what.add_argument("--serve", action="store_true")
    parser.add_argument("--workspace", required=True, type=Path)
    parser.add_argument("--url")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--lifeline", action="store_true")
    parser.add_argument("--lease-ms", type=int, default=LEASE_MS)
    options = parser.parse_args(arguments)
    if options.lifeline:
        process.watch_lifeline()
    workspace = Workspace(options.workspace.resolve())
    folder = options.folder or workspace.root
    if options.serve:
        return _serve(workspace, options.url, folder, options.lease_ms)
    return execute_stored(workspace, options.url, folder, options.run, options.lease_ms)


def execute_stored(
    workspace: Workspace, url: str | None, folder: Path, run: PipelineRunDetail | str, lease_ms: int
) -> int:
    """Execute a stored run, or the one of that id, in this process, saying what happens; the exit
    code."""
    with door_of(workspace, url) as door:
        return execute_through(door, workspace, folder, run, lease_ms)


def door_of(workspace: Workspace, url: str | None) -> Door:
    """A door that waits for a control plane which is being restarted."""
    return connect(workspace, url, patience_seconds=_PATIENCE_SECONDS)


def execute_through(
    door: Door, workspace: Workspace, folder: Path, run: PipelineRunDetail | str, lease_ms: int
) -> int:
    """As ``execute_stored`` for who has a door already."""
    try:
        if isinstance(run, str):
            run = PipelineClient(door).get(run)
        result = execute(
            door,
            run.project,
            run,
            on_event=_say,
            folder=folder,
            scratch=workspace.folder("scratch"),
            lease_ms=lease_ms,
        )
    except MillwrightError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return _EXIT[result.status]


@step
def _nothing() -> None:
    """What a rehearsal calls."""


@pipeline
def _rehearsal() -> None:
    """What a fork plans before it is given a run."""
    return _nothing()


def rehearse() -> None:
    """Go through what every run begins with, so that a fork has its own copies of the pages that
    it takes, and its caches are filled, before somebody waits for it."""
    importlib.invalidate_caches()
    plan = _rehearsal.prepare({})
    packed_code(plan)
    recipes_of(plan)
    know_environment()


def preload() -> None:
    """Load what any run needs, so that a fork of this process has it."""
    for name in _PRELOADED:
        importlib.import_module(name)
    work_out_checks()
    know_modules()
    know_environment()
    gc.freeze()  # the pages are shared with the forks; the collector would touch and copy them


def _serve(workspace: Workspace, url: str | None, folder: Path, lease_ms: int) -> int:
    """Claim what is queued and execute each run in a fork, until the control plane is gone.

    This process has one thread, so forking it is safe.
    """
    preload()
    project = project_of(workspace)
    children: set[int] = set()
    with door_of(workspace, url) as door:
        if door.application is not None:
            raise InvalidInput(
                "pipelines.no_server",
                "A standing worker needs a control plane to ask.",
                hint="Start one with: mw up",
            )
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            while len(children) >= (os.cpu_count() or 1):
                children.discard(os.waitpid(-1, 0)[0])
            children -= set(_ended(children))
            # The child claims the run by its own name; this claim only keeps others from it.
            claim = ClaimNext(owner=f"{this_owner()}/{STANDING}", lease_ms=lease_ms, wait_ms=1000)
            found = PipelineClient(door).claim_next(project, claim)
            if found is None:
                continue
            child = os.fork()
            if child == 0:
                os._exit(_execute_claimed(workspace, door.url, folder, found.id, lease_ms))
            children.add(child)


def _execute_claimed(
    workspace: Workspace, url: str | None, folder: Path, run_id: str, lease_ms: int
) -> int:
    sys.stdout.flush()
    fork_beside()
    code = execute_stored(workspace, url, folder, run_id, lease_ms)
    sys.stdout.flush()
    return code


def _ended(children: set[int]) -> list[int]:
    return [child for child in children if os.waitpid(child, os.WNOHANG)[0]]


def _say(event: PipelineEvent) -> None:
    parts = [event.kind, event.task, event.status, event.error, *event.reason]
    if event.kind != "task_progress":
        sys.stdout.write(f"[{event.position}/{event.steps}] {' '.join(filter(None, parts))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
