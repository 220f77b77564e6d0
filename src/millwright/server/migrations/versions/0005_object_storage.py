"""Where objects are kept: heads of remotes, erasures; and the head of the event chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "remote_heads",
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("address", "project", "name", name=op.f("pk_remote_heads")),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_project"), "erasures", ["project"], unique=False)
    op.create_table(
        "dataset_rewrites",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("erasure_id", sa.String(length=32), nullable=False),
        sa.Column("rewritten_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_dataset_rewrites")),
    )
    op.create_index(
        op.f("ix_dataset_rewrites_project"), "dataset_rewrites", ["project"], unique=False
    )
    op.create_table(
        "dropped_versions",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("dropped_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_dropped_versions")),
    )
    op.create_index(
        op.f("ix_dropped_versions_project"), "dropped_versions", ["project"], unique=False
    )
    op.create_table(
        "event_head",
        sa.Column("chain", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_event_head")),
    )
    # The log as it is when this is first kept; what was cut off before cannot be known.
    op.execute(
        "INSERT INTO event_head (chain, seq, hash) "
        "SELECT 1, seq, hash FROM events ORDER BY seq DESC LIMIT 1"
    )
