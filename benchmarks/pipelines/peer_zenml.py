"""A chain of steps with ZenML on this machine, in its own environment; milliseconds as JSON.

Its store is a SQLite file in this process. A step takes seconds, so five are measured.
"""

import json
import os
import tempfile
import time

STEPS = 5
with tempfile.TemporaryDirectory() as folder:
    os.environ |= {
        "HOME": folder,
        "ZENML_CONFIG_PATH": folder,
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_VERBOSITY": "ERROR",
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
    }
    os.chdir(folder)
    from zenml import pipeline, step

    @step(enable_cache=False)
    def add_one(value: int) -> int:
        return value + 1

    @pipeline(enable_cache=False)
    def chain(length: int = STEPS):
        value = add_one(0)
        for _ in range(length - 1):
            value = add_one(value)

    chain(1)
    wall, cpu = time.perf_counter(), time.process_time()
    chain()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"wall_ms": wall * 1e3, "cpu_ms": cpu * 1e3, "steps": STEPS}))
