"""A chain of tasks with ``airflow dags test``, in its own environment; milliseconds as JSON.

The command runs all tasks in one process, without a scheduler. A task takes seconds in a scheduler's
hands; here twenty are measured, start of the command included.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS = 20
DAG = f"""
from datetime import datetime
from airflow.decorators import dag, task

@task
def add_one(value: int) -> int:
    return value + 1

@dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False)
def chain():
    value = add_one(0)
    for _ in range({STEPS - 1}):
        value = add_one(value)

chain()
"""

with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "dags").mkdir()
    (Path(folder) / "dags" / "chain.py").write_text(DAG)
    os.environ |= {
        "AIRFLOW_HOME": folder,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    airflow = [sys.executable, "-m", "airflow"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*airflow, "db", "migrate"], check=True, **quiet)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.perf_counter()
    subprocess.run([*airflow, "dags", "test", "chain"], check=True, **quiet)
    wall = time.perf_counter() - wall
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({"wall_ms": wall * 1e3, "cpu_ms": cpu * 1e3, "steps": STEPS}))
