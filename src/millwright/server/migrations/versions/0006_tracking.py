"""Experiments as records of their own, what is logged keyed by a run's number, indexes for search."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_CHANGED = ("runs", "run_params", "run_metrics", "run_latest_metrics", "run_tags", "run_artifacts")


def upgrade() -> None:
    for table in _CHANGED:
        op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608
    for table in reversed(_CHANGED):
        op.drop_table(table)
    _experiments()
    _runs()
    _logged()
    _inputs()
    _carry_over()
    for table in _CHANGED:
        op.drop_table(f"old_{table}")


def _carry_over() -> None:
    for statement in (_EXPERIMENTS, _IDS, _RUNS, _METRICS, _LATEST, _TAGS, _ARTIFACTS):
        op.execute(statement)
    rows = op.get_bind().execute(
        sa.text(
            "SELECT r.no AS run_no, p.key, p.value, p.number FROM old_run_params p "
            "JOIN runs r ON r.id = p.run"
        )
    )
    params = [_param(row) for row in rows.mappings()]
    if params:
        columns: list[Any] = [
            sa.column(name) for name in ("run_no", "key", "value", "kind", "number")
        ]
        op.bulk_insert(sa.table("run_params", *columns), params)


def _param(row: Any) -> dict[str, Any]:
    value = json.loads(row["value"])
    kinds = {bool: "b", int: "i", float: "f", str: "s"}
    kind = kinds.get(type(value), "n")
    return {**row, "value": str(value), "kind": kind}


_EXPERIMENTS = """
INSERT INTO experiments (project, id, name, created_ms, updated_ms)
SELECT project, 'new-' || experiment, experiment, MIN(created_ms), MIN(created_ms)
FROM old_runs GROUP BY project, experiment
"""
_IDS = "UPDATE experiments SET id = CAST(no AS VARCHAR(32))"
_RUNS = """
INSERT INTO runs (id, project, experiment_no, name, status, parent, actor, created_ms, ended_ms,
    seed, inputs, code_commit, code_dirty, code_diff_digest, environment, command, error)
SELECT o.id, o.project, e.no, o.name, o.status, o.parent, o.actor, o.created_ms, o.ended_ms,
    o.seed, o.inputs, o.code_commit, o.code_dirty, o.code_diff_digest, o.environment, o.command,
    o.error
FROM old_runs o JOIN experiments e ON e.project = o.project AND e.name = o.experiment
ORDER BY o.created_ms, o.id
"""
_METRICS = """
INSERT INTO run_metrics (run_no, key, step, time_ms, value, is_nan)
SELECT DISTINCT r.no, m.key, m.step, m.time_ms, COALESCE(m.value, 0),
    CASE WHEN m.value IS NULL THEN 1 ELSE 0 END
FROM old_run_metrics m JOIN runs r ON r.id = m.run
"""
_LATEST = """
INSERT INTO run_latest_metrics (run_no, key, step, time_ms, value, is_nan, experiment_no)
SELECT r.no, m.key, m.step, m.time_ms, COALESCE(m.value, 0),
    CASE WHEN m.value IS NULL THEN 1 ELSE 0 END, r.experiment_no
FROM old_run_latest_metrics m JOIN runs r ON r.id = m.run
"""
_TAGS = """
INSERT INTO run_tags (run_no, key, value)
SELECT r.no, t.key, t.value FROM old_run_tags t JOIN runs r ON r.id = t.run
"""
_ARTIFACTS = """
INSERT INTO run_artifacts (run, name, digest, size, media_type, created_ms)
SELECT run, name, digest, size, media_type, created_ms FROM old_run_artifacts
"""


def _experiments() -> None:
    op.create_table(
        "experiment_tags",
        sa.Column("experiment_no", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_no", "key", name=op.f("pk_experiment_tags")),
    )
    op.create_table(
        "experiments",
        sa.Column(
            "no",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("artifact_location", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_experiments")),
        sa.UniqueConstraint("project", "id", name=op.f("uq_experiments_project_id")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_experiments_project_name")),
        sqlite_autoincrement=True,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column(
            "no",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("experiment_no", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("parent", sa.String(length=32), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("user", sa.String(length=256), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("code_commit", sa.String(length=64), nullable=True),
        sa.Column("code_dirty", sa.Boolean(), nullable=True),
        sa.Column("code_diff_digest", sa.String(length=64), nullable=True),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("command", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_runs")),
        sa.UniqueConstraint("id", name=op.f("uq_runs_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_runs_experiment_no_created_ms_id"),
        "runs",
        ["experiment_no", "created_ms", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_runs_project_created_ms_id"), "runs", ["project", "created_ms", "id"], unique=False
    )
    op.create_index(op.f("ix_runs_project_parent"), "runs", ["project", "parent"], unique=False)
    op.create_table(
        "run_artifacts",
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=120), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name=op.f("fk_run_artifacts_run")),
        sa.PrimaryKeyConstraint("run", "name", name=op.f("pk_run_artifacts")),
    )
    op.create_index(op.f("ix_run_artifacts_digest"), "run_artifacts", ["digest"], unique=False)


def _logged() -> None:
    op.create_table(
        "run_latest_metrics",
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.SmallInteger(), nullable=False),
        sa.Column("experiment_no", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_no", "key", name=op.f("pk_run_latest_metrics")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_run_latest_metrics_experiment_no_key_is_nan_value_run_no"),
        "run_latest_metrics",
        ["experiment_no", "key", "is_nan", "value", "run_no"],
        unique=False,
    )
    op.create_table(
        "run_metrics",
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "run_no", "key", "step", "time_ms", "value", "is_nan", name=op.f("pk_run_metrics")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_params",
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=1), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("run_no", "key", name=op.f("pk_run_params")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_tags",
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_no", "key", name=op.f("pk_run_tags")),
        sqlite_with_rowid=False,
    )


def _inputs() -> None:
    op.create_table(
        "run_dataset_inputs",
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("dataset_no", sa.BigInteger(), nullable=False),
        sa.Column("context", sa.String(length=500), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_no", "dataset_no", name=op.f("pk_run_dataset_inputs")),
    )
    op.create_table(
        "run_datasets",
        sa.Column(
            "no",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("experiment_no", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("digest", sa.String(length=36), nullable=False),
        sa.Column("source_type", sa.String(length=500), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_run_datasets")),
        sa.UniqueConstraint(
            "experiment_no",
            "name",
            "digest",
            name=op.f("uq_run_datasets_experiment_no_name_digest"),
        ),
    )
    op.create_table(
        "run_models",
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("direction", sa.String(length=6), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_no", "model", "direction", name=op.f("pk_run_models")),
    )
