"""When pipelines start by themselves: schedules, triggers, and the runs they started."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _schedules()
    _triggers()
    _launches()
    _notifications()


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("declared", sa.Boolean(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_schedules_project_name")),
    )
    op.create_index(op.f("ix_schedules_paused_next_ms"), "schedules", ["paused", "next_ms"])
    op.create_table(
        "schedule_fires",
        sa.Column("schedule_id", sa.String(length=32), nullable=False),
        sa.Column("fire_ms", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_schedule_fires_schedule_id")
        ),
        sa.PrimaryKeyConstraint("schedule_id", "fire_ms", name=op.f("pk_schedule_fires")),
    )
    op.create_table(
        "backfills",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("schedule_id", sa.String(length=32), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_active", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_backfills_schedule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfills")),
    )
    op.create_index(op.f("ix_backfills_schedule_id_id"), "backfills", ["schedule_id", "id"])
    op.create_table(
        "backfill_fires",
        sa.Column("backfill_id", sa.String(length=32), nullable=False),
        sa.Column("fire_ms", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["backfill_id"], ["backfills.id"], name=op.f("fk_backfill_fires_backfill_id")
        ),
        sa.PrimaryKeyConstraint("backfill_id", "fire_ms", name=op.f("pk_backfill_fires")),
    )


def _triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("declared", sa.Boolean(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.String(200), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triggers")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_triggers_project_name")),
    )
    op.create_table(
        "trigger_firings",
        sa.Column("trigger_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trigger_id"], ["triggers.id"], name=op.f("fk_trigger_firings_trigger_id")
        ),
        sa.PrimaryKeyConstraint("trigger_id", "key", name=op.f("pk_trigger_firings")),
    )
    op.create_index(
        op.f("ix_trigger_firings_trigger_id_created_ms"),
        "trigger_firings",
        ["trigger_id", "created_ms"],
    )


def _launches() -> None:
    op.create_table(
        "launches",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("lane", sa.String(length=100), nullable=False),
        sa.Column("max_active", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("worker_starts", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_launches")),
    )
    op.create_index(op.f("ix_launches_state_lane_run_id"), "launches", ["state", "lane", "run_id"])


def _notifications() -> None:
    op.create_table(
        "notification_progress",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project", name=op.f("pk_notification_progress")),
    )
    op.create_table(
        "notifications",
        sa.Column("event", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event", "channel", name=op.f("pk_notifications")),
    )
    op.create_index(op.f("ix_notifications_state_due_ms"), "notifications", ["state", "due_ms"])


def downgrade() -> None:
    for table in (
        "notifications",
        "notification_progress",
        "launches",
        "trigger_firings",
        "triggers",
        "backfill_fires",
        "backfills",
        "schedule_fires",
        "schedules",
    ):
        op.drop_table(table)
