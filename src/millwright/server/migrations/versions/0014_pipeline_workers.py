"""Retrainings no longer count the starts of workers of their own: their runs are launched like others."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("retrainings", "worker_starts")
