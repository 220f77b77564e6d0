"""A chain of steps with Metaflow on this machine, in its own environment; milliseconds as JSON.

Each step is a process of its own there, so five are measured. Start and end of the flow, which it
needs, are two of them.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS = 5
FLOW = """
from metaflow import FlowSpec, step

class Chain(FlowSpec):
    @step
    def start(self):
        self.value = 0
        self.next(self.add_0)
{steps}
    @step
    def end(self):
        self.value += 1

if __name__ == "__main__":
    Chain()
"""
STEP = """
    @step
    def add_{number}(self):
        self.value += 1
        self.next(self.{following})
"""


def main() -> None:
    middle = STEPS - 2
    steps = "".join(
        STEP.format(number=n, following=f"add_{n + 1}" if n < middle - 1 else "end")
        for n in range(middle)
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "chain.py").write_text(FLOW.format(steps=steps))
        os.environ |= {"USERNAME": "bench", "HOME": folder, "METAFLOW_USER": "bench"}
        wall = time.perf_counter()
        command = [sys.executable, "chain.py", "--quiet", "--metadata", "local", "run"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - wall
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime
    print(json.dumps({"wall_ms": wall * 1e3, "cpu_ms": cpu * 1e3, "steps": STEPS}))


main()
