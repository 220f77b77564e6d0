"""Names taken away travel with pushes; transfers are remembered; erasures know that they ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "removed_refs",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("ref", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "ref", name=op.f("pk_removed_refs")),
    )
    op.create_table(
        "transfers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("remote", sa.String(length=40), nullable=False),
        sa.Column("way", sa.String(length=10), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
    )
    op.create_index(op.f("ix_transfers_project"), "transfers", ["project"], unique=False)
    op.add_column("erasures", sa.Column("finished_ms", sa.BigInteger(), nullable=True))
    # Those that were recorded before went on to their end, or were left to garbage collection.
    op.execute("UPDATE erasures SET finished_ms = created_ms")


def downgrade() -> None:
    op.drop_column("erasures", "finished_ms")
    op.drop_table("transfers")
    op.drop_table("removed_refs")
