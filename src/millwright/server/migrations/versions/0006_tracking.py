"""Experiments as the MLflow protocol knows them, and indexes made for its search."""

from __future__ import annotations

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
