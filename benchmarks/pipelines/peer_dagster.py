"""The chain of 200 steps with Dagster in its process, in its own environment; milliseconds as JSON."""

import json
import logging
import os
import tempfile
import time

logging.disable(logging.CRITICAL)
with tempfile.TemporaryDirectory() as folder:
    os.environ["DAGSTER_HOME"] = folder
    from dagster import DagsterInstance, job, op

    @op
    def zero() -> int:
        return 0

    @op
    def add_one(value: int) -> int:
        return value + 1

    @job
    def chain():
        value = zero()
        for number in range(199):
            value = add_one.alias(f"add_{number}")(value)

    with DagsterInstance.local_temp(folder) as instance:
        wall, cpu = time.perf_counter(), time.process_time()
        assert chain.execute_in_process(instance=instance).success
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"wall_ms": wall * 1e3, "cpu_ms": cpu * 1e3}))
