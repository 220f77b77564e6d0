"""Nothing changes in this step; those after it name it as the one before."""

from __future__ import annotations

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing changes."""


def downgrade() -> None:
    """Nothing changes."""
