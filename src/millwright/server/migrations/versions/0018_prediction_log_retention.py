"""Where the prediction log of a deployment begins, once its older part was removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("monitoring_progress", sa.Column("log_from_ms", sa.BigInteger(), nullable=True))
