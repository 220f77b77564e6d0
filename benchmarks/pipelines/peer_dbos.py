"""The chain of 200 steps with DBOS on SQLite, in its own environment; milliseconds as JSON."""

import json
import logging
import tempfile
import time
from pathlib import Path

from dbos import DBOS

logging.disable(logging.CRITICAL)
with tempfile.TemporaryDirectory() as folder:
    DBOS(config={
        "name": "chain",
        "system_database_url": f"sqlite:///{Path(folder) / 'dbos.sqlite'}",
        "run_admin_server": False,
    })  # fmt: skip

    @DBOS.step()
    def add_one(value: int) -> int:
        return value + 1

    @DBOS.workflow()
    def chain(length: int) -> int:
        value = 0
        for _ in range(length):
            value = add_one(value)
        return value

    DBOS.launch()
    chain(5)
    best = []
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        chain(200)
        best.append(((time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3))
    DBOS.destroy()
print(json.dumps({"wall_ms": min(w for w, _ in best), "cpu_ms": min(c for _, c in best)}))
