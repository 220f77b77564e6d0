"""What running a step durably costs: a chain of steps that each add one.

    python benchmarks/pipelines.py [STEPS]

The control plane is mounted in the process, on a fresh folder. ``first run`` executes and commits
every step; ``second run`` takes every step from the cache.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import millwright as mw
from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace
from millwright.pipelines import execute


@mw.step
def add_one(value: int) -> int:
    return value + 1


@mw.pipeline
def chain(length: int) -> int:
    value = 0
    for _ in range(length):
        value = add_one(value)
    return value


def main(steps: int) -> None:
    with tempfile.TemporaryDirectory() as folder, connect(Workspace(Path(folder))) as door:
        # The first call of all pays for imports and for reading what is installed.
        execute(door, "warm-up", chain, {"length": 1})
        for name in ("first run", "second run"):
            wall, cpu = time.perf_counter(), time.process_time()
            result = execute(door, "chain", chain, {"length": steps})
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            assert result.value() == steps
            print(
                f"{name:<11} {steps} steps  {wall / steps * 1000:6.2f} ms/step"
                f"  {cpu / steps * 1000:6.2f} ms processor/step"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
