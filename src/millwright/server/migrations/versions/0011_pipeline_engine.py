"""Why a run exists and how urgent it is; attempts, pools, approvals and live logs of its tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = (
    "pipeline_log",
    "pipeline_approvals",
    "pipeline_slots",
    "pipeline_pools",
    "pipeline_attempts",
)
_RUN_COLUMNS = (
    "trigger",
    "priority",
    "idempotency_key",
    "code_digest",
    "not_before_ms",
    "deadline_ms",
    "max_active",
    "wave",
)


def upgrade() -> None:
    _runs()
    _tasks()
    _pools()
    _approvals()
    op.create_table(
        "pipeline_log",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "task", "attempt", "seq", name=op.f("pk_pipeline_log")),
    )
    op.add_column("step_cache", sa.Column("recipe_key", sa.String(length=64), nullable=True))
    op.create_index(
        op.f("ix_step_cache_project_recipe_key"), "step_cache", ["project", "recipe_key"]
    )


def _runs() -> None:
    columns = (
        sa.Column("trigger", sa.String(length=40), nullable=False, server_default="manual"),
        sa.Column("priority", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("code_digest", sa.String(length=64), nullable=True),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=True),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=True),
        sa.Column("max_active", sa.Integer(), nullable=True),
        sa.Column("wave", sa.Integer(), nullable=False, server_default="0"),
    )
    for column in columns:
        op.add_column("pipeline_runs", column)
    op.create_index(
        "ux_pipeline_runs_idempotency",
        "pipeline_runs",
        ["project", "idempotency_key"],
        unique=True,
    )


def _tasks() -> None:
    kind = sa.Column("kind", sa.String(length=20), nullable=False, server_default="step")
    op.add_column("pipeline_tasks", kind)
    op.add_column("pipeline_tasks", sa.Column("parent", sa.String(length=200), nullable=True))
    op.create_table(
        "pipeline_attempts",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("finished_ms", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["pipeline_runs.id"], name=op.f("fk_pipeline_attempts_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "task", "number", name=op.f("pk_pipeline_attempts")),
    )


def _pools() -> None:
    op.create_table(
        "pipeline_pools",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", name=op.f("pk_pipeline_pools")),
    )
    op.create_table(
        "pipeline_slots",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("pool", sa.String(length=100), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("claim", sa.Integer(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("held_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "task", name=op.f("pk_pipeline_slots")),
    )
    op.create_index(op.f("ix_pipeline_slots_project_pool"), "pipeline_slots", ["project", "pool"])


def _approvals() -> None:
    op.create_table(
        "pipeline_approvals",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("decision", sa.String(length=20), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["pipeline_runs.id"], name=op.f("fk_pipeline_approvals_run_id")
        ),
        sa.PrimaryKeyConstraint("run_id", "task", name=op.f("pk_pipeline_approvals")),
    )
    op.create_index(
        op.f("ix_pipeline_approvals_project_decision"),
        "pipeline_approvals",
        ["project", "decision"],
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_step_cache_project_recipe_key"), "step_cache")
    op.drop_column("step_cache", "recipe_key")
    for table in _TABLES:
        op.drop_table(table)
    op.drop_column("pipeline_tasks", "parent")
    op.drop_column("pipeline_tasks", "kind")
    op.drop_index("ux_pipeline_runs_idempotency", "pipeline_runs")
    for column in _RUN_COLUMNS:
        op.drop_column("pipeline_runs", column)
