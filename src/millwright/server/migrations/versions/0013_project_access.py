"""Roles in single projects, and what was found in versions of models and who signed them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables; versions that are there already stay without a signature."""
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
    op.create_table(
        "model_vettings",
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("public_key", sa.String(44), nullable=False),
        sa.Column("signature", sa.String(88), nullable=False),
        sa.Column("signed_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["model_versions.id"], name="fk_model_vettings_version"
        ),
        sa.PrimaryKeyConstraint("version", name="pk_model_vettings"),
    )
