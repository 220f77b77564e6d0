"""Where data came from, and at which version of the source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dataset_sources",
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("state_kind", sa.String(length=30), nullable=False),
        sa.Column("state_value", sa.String(length=500), nullable=False),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_dataset_sources")),
    )
    op.create_index(op.f("ix_dataset_sources_project_name"), "dataset_sources", ["project", "name"])
