"""The chain of 200 steps with Prefect, in its own environment; milliseconds as JSON.

Its server is a process of its own, whose processor time is not in the number.
"""

import json
import os
import tempfile
import time

with tempfile.TemporaryDirectory() as folder:
    os.environ |= {
        "PREFECT_HOME": folder,
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }
    from prefect import flow, task

    @task
    def add_one(value: int) -> int:
        return value + 1

    @flow
    def chain(length: int) -> int:
        value = 0
        for _ in range(length):
            value = add_one(value)
        return value

    chain(1)
    wall, cpu = time.perf_counter(), time.process_time()
    chain(200)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"wall_ms": wall * 1e3, "cpu_ms": cpu * 1e3}))
