"""Many runs put into either database with SQL, so that what is measured is the reading."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

KEYS = 10
POINTS = 100_000
FIRST_RUN = f"{0:032x}"
"""The run whose metric ``long`` has ``POINTS`` points."""


def fill(path: Path, runs: int, *, stock: bool) -> None:
    """Runs with ten metrics and ten parameters each, in the experiment ``reads``."""
    chance = random.Random(7)
    database = sqlite3.connect(path)
    names, owner = (_stock_runs if stock else _our_runs)(database, runs)
    params = [(n, f"p{k}", str(chance.randrange(100))) for n in names for k in range(KEYS)]
    metrics = [(n, f"m{k}", chance.random()) for n in names for k in range(KEYS)]
    points = [(names[0], "long", i, i, chance.random()) for i in range(POINTS)]
    tags = [(n, "mlflow.user", "me") for n in names]
    if stock:
        database.executemany("INSERT INTO tags (run_uuid, key, value) VALUES (?,?,?)", tags)
        database.executemany("INSERT INTO params (run_uuid, key, value) VALUES (?,?,?)", params)
        latest = (
            "INSERT INTO latest_metrics (run_uuid, key, value, timestamp, step, is_nan) "
            "VALUES (?,?,?,1,0,0)"
        )
        table = "metrics (run_uuid, key, step, timestamp, value, is_nan)"
    else:
        database.executemany("INSERT INTO run_tags (run_no, key, value) VALUES (?,?,?)", tags)
        database.executemany(
            "INSERT INTO run_params (run_no, key, value, kind) VALUES (?,?,?,'s')", params
        )
        latest = (
            "INSERT INTO run_latest_metrics (run_no, key, value, step, time_ms, is_nan, "
            f"experiment_no) VALUES (?,?,?,0,1,0,{int(owner)})"
        )
        table = "run_metrics (run_no, key, step, time_ms, value, is_nan)"
    database.executemany(latest, metrics)
    database.executemany(f"INSERT INTO {table} VALUES (?,?,?,?,?,0)", points)
    database.commit()
    database.close()


def _stock_runs(database: sqlite3.Connection, runs: int) -> tuple[list[Any], int]:
    query = "SELECT experiment_id FROM experiments WHERE name = 'reads'"
    owner = database.execute(query).fetchone()[0]
    database.executemany(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, "
        "status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, "
        "experiment_id) VALUES (?, ?, 'LOCAL', '', '', 'me', 'FINISHED', ?, ?, '', 'active', "
        "'x', ?)",
        [(f"{i:032x}", f"run-{i}", i, i + 1, owner) for i in range(runs)],
    )
    return [f"{i:032x}" for i in range(runs)], owner


def _our_runs(database: sqlite3.Connection, runs: int) -> tuple[list[Any], int]:
    query = "SELECT no, project FROM experiments WHERE name = 'reads'"
    owner, project = database.execute(query).fetchone()
    first = database.execute("SELECT COALESCE(MAX(no), 0) + 1 FROM runs").fetchone()[0]
    database.executemany(
        "INSERT INTO runs (no, id, project, experiment_no, name, status, actor, inputs, "
        "created_ms, ended_ms) VALUES (?, ?, ?, ?, ?, 'finished', 'me', '[]', ?, ?)",
        [(first + i, f"{i:032x}", project, owner, f"run-{i}", i, i + 1) for i in range(runs)],
    )
    return list(range(first, first + runs)), owner
