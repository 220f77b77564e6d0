"""The worker process: executes one stored run and ends.

``python -m millwright.pipelines.worker --run ID --workspace DIR [--url URL] [--folder DIR]``

It may be killed at any moment; started again on the same run, it goes on after the last committed
step. Exit codes: 0 succeeded, 1 failed, 130 cancelled, else the code of the error.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from millwright.kernel import process
from millwright.kernel.door import connect
from millwright.kernel.errors import MillwrightError
from millwright.kernel.workspace import Workspace
from millwright.pipelines.client import PipelineClient
from millwright.pipelines.engine import LEASE_MS, execute
from millwright.pipelines.listening import PipelineEvent

_EXIT = {"succeeded": 0, "failed": 1, "cancelled": 130}
_PATIENCE_SECONDS = 60.0
"""How long a worker waits for a control plane that is being restarted."""


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
    parser.add_argument("--run", required=True)
    parser.add_argument("--workspace", required=True, type=Path)
    parser.add_argument("--url")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--lifeline", action="store_true")
    parser.add_argument("--lease-ms", type=int, default=LEASE_MS)
    options = parser.parse_args(arguments)
    if options.lifeline:
        process.watch_lifeline()
    workspace = Workspace(options.workspace.resolve())
    try:
        with connect(workspace, options.url, patience_seconds=_PATIENCE_SECONDS) as door:
            result = execute(
                door,
                PipelineClient(door).get(options.run).project,
                options.run,
                on_event=_say,
                folder=options.folder or workspace.root,
                scratch=workspace.folder("scratch"),
                lease_ms=options.lease_ms,
            )
    except MillwrightError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return _EXIT[result.status]


def _say(event: PipelineEvent) -> None:
    parts = [event.kind, event.task, event.status, event.error, *event.reason]
    if event.kind != "task_progress":
        sys.stdout.write(f"[{event.position}/{event.steps}] {' '.join(filter(None, parts))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
