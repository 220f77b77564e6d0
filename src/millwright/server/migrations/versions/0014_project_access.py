"""Roles in single projects: what a token was granted beside its role everywhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table, with the projects of a token and the tokens of a project to look up."""
    op.create_table(
        "token_grants",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("project", sa.String(100), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("granted_ms", sa.BigInteger(), nullable=False),
        sa.Column("granted_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("token", "project", name="pk_token_grants"),
    )
    op.create_index("ix_token_grants_project", "token_grants", ["project"])
