"""Alerts that are routed, silenced and escalated; what a champion's features were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "champion_features",
        sa.Column("deployment_id", sa.String(length=32), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_champion_features")),
    )
    op.create_table(
        "alert_silences",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("deployment_id", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=120), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_silences")),
    )
    op.create_index(
        op.f("ix_alert_silences_project_until_ms"), "alert_silences", ["project", "until_ms"]
    )
    op.create_table(
        "alert_messages",
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("occasion", sa.String(length=20), nullable=False),
        sa.Column("receiver", sa.String(length=100), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("deployment_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("alert_id", "occasion", "receiver", name=op.f("pk_alert_messages")),
    )
    op.create_index(op.f("ix_alert_messages_state_due_ms"), "alert_messages", ["state", "due_ms"])
    _carry_over()
    with op.batch_alter_table("alerts") as batch:
        batch.alter_column("kind", type_=sa.String(length=120), existing_type=sa.String(length=30))
        batch.drop_column("delivered_ms")


def _carry_over() -> None:
    """What was told before is not told again."""
    for receiver in ("console", "webhook", "slack", "email"):
        op.execute(
            sa.text(
                "INSERT INTO alert_messages (alert_id, occasion, receiver, project, deployment_id,"
                " state, attempts, due_ms) SELECT id, 'raised', :receiver, project, deployment_id,"
                " 'told', 1, delivered_ms FROM alerts"
                " WHERE delivered_ms IS NOT NULL AND status <> 'resolved'"
            ).bindparams(receiver=receiver)
        )
