"""The same chain with Millwright and its peers, in one run, and how they compare.

    python benchmarks/pipelines/peers.py [dbos dagster prefect ...]

Peers run in environments of their own (``ci/peer NAME``); those that are not there are left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def main(names: list[str]) -> None:
    """Measure ours, then each peer, and print the ratios."""
    ours = _measured([sys.executable, str(HERE / "engine.py"), "chain"])[0]
    print(f"{'Millwright':<12} {ours['wall_ms']:8.0f} ms  {ours['cpu_ms']:8.0f} ms processor")
    for name in names:
        python = ROOT / ".peers" / name / "bin" / "python"
        if not python.exists():
            print(f"{name:<12} is not installed: ci/peer {name}")
            continue
        theirs = _measured([str(python), str(HERE / f"peer_{name}.py")])[-1]
        steps = theirs.pop("steps", 200)
        theirs = {what: value * 200 / steps for what, value in theirs.items()}
        print(
            f"{name:<12} {theirs['wall_ms']:8.0f} ms  {theirs['cpu_ms']:8.0f} ms processor"
            f"  {theirs['wall_ms'] / ours['wall_ms']:6.1f} times the wall clock"
            f"  {theirs['cpu_ms'] / ours['cpu_ms']:6.1f} times the processor"
            f"{'' if steps == 200 else f'  (200 steps at what {steps:.0f} took)'}"
        )


def _measured(command: list[str]) -> list[dict[str, float]]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


if __name__ == "__main__":
    main(sys.argv[1:] or ["dbos", "dagster", "prefect", "metaflow", "zenml", "airflow"])
