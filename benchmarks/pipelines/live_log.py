"""How long a line that a step prints takes to whoever follows its log over HTTP.

    python benchmarks/pipelines/live_log.py

A step in a process of its own prints the time every tenth of a second; ``mw pipelines log --follow``
asks a control plane, as the browser does. Prints one JSON object: milliseconds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from engine import fresh, say

from millwright.kernel.workspace import Workspace

MW = str(Path(sys.executable).parent / "mw")
PROJECT = "project: talk\ndata: {source: rows.csv, target: said}\n"
FLOW = """
import time
import millwright as mw

@mw.step
def talk() -> int:
    for _ in range(60):
        print("at", time.time(), flush=True)
        time.sleep(0.1)
    return 1

@mw.pipeline
def talking() -> int:
    return talk()
"""


def main() -> None:
    """Run the step beside a control plane and follow it."""
    with fresh() as workspace:
        (workspace.root / "flow.py").write_text(FLOW)
        (workspace.root / "millwright.yaml").write_text(PROJECT)
        server = subprocess.Popen([MW, "server", "--port", "0"], cwd=workspace.root,
                                  stdout=subprocess.DEVNULL)  # fmt: skip
        try:
            while workspace.running_url() is None:
                time.sleep(0.05)
            run = subprocess.Popen([MW, "run", "flow.py"], cwd=workspace.root,
                                   stdout=subprocess.DEVNULL)  # fmt: skip
            waits = _followed(workspace)
            run.wait()
        finally:
            server.terminate()
            server.wait()
    say("line to follower", lines=len(waits), p50_ms=statistics.median(waits), most_ms=max(waits))


def _followed(workspace: Workspace) -> list[float]:
    task: str | None = None
    while task is None:
        runs = _asked(workspace, "list")["pipeline_runs"]
        if runs:
            run = runs[0]["id"]
            task = next((one["name"] for one in _asked(workspace, "show", run)["tasks"]), None)
    follower = subprocess.Popen([MW, "pipelines", "log", run, task, "--follow"],
                                cwd=workspace.root, stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert follower.stdout is not None
    # What was printed before it followed waited for it, not for us.
    begins, waits = time.time() + 1.5, []
    for line in follower.stdout:
        said = float(line.split()[1]) if line.startswith("at ") else 0.0
        if said > begins:
            waits.append((time.time() - said) * 1e3)
    return waits


def _asked(workspace: Workspace, *words: str) -> dict[str, list[dict[str, str]]]:
    done = subprocess.run([MW, "pipelines", *words, "--json"], cwd=workspace.root, check=True,
                          capture_output=True)  # fmt: skip
    found: dict[str, list[dict[str, str]]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
