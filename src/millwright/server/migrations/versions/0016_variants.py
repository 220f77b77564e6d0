"""Deployments serve any number of variants, perhaps by a bandit, with settings of their own."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_OLD = (
    "champion_version_id",
    "champion_version",
    "canary_version_id",
    "canary_version",
    "canary_share",
)


def upgrade() -> None:
    """Champion and canary become the first variants; settings begin with the defaults."""
    with op.batch_alter_table("deployments") as batch:
        batch.add_column(sa.Column("variants", sa.Text(), nullable=False, server_default="[]"))
        batch.add_column(sa.Column("bandit", sa.Text(), nullable=True))
        batch.add_column(sa.Column("serving", sa.Text(), nullable=False, server_default="{}"))
    connection = op.get_bind()
    old = sa.table("deployments", sa.column("id"), sa.column("variants"), *map(sa.column, _OLD))
    for row in connection.execute(sa.select(old)).all():
        variants = [
            {
                "name": "champion",
                "version_id": row.champion_version_id,
                "version": row.champion_version,
                "weight": 1.0 - row.canary_share,
                "mirror": 0.0,
            }
        ]
        if row.canary_version_id is not None:
            canary = {"name": "canary", "version_id": row.canary_version_id, "mirror": 1.0}
            variants.append({**canary, "version": row.canary_version, "weight": row.canary_share})
        connection.execute(
            sa.update(old).where(old.c.id == row.id).values(variants=json.dumps(variants))
        )
    with op.batch_alter_table("deployments") as batch:
        batch.alter_column("variants", server_default=None)
        batch.alter_column("serving", server_default=None)
        for name in _OLD:
            batch.drop_column(name)
