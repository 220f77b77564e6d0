"""Nodes of lineage that no table tells of, edges that were not written before, how far the graph was
sent on, and the details of a run's code."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_EDGE = """
INSERT INTO lineage (project, source, target, event)
SELECT project, source, target, event FROM ({edges}) AS found
WHERE NOT EXISTS (
    SELECT 1 FROM lineage known
    WHERE known.project = found.project AND known.source = found.source
    AND known.target = found.target)
"""
_SINCE = (
    "COALESCE((SELECT MIN(l.event) FROM lineage l WHERE l.project = {t}.project "
    "AND l.target = {target}), 0) AS event"
)
_WINDOWS = f"""
SELECT w.project AS project, 'model-version:' || w.champion_version_id AS source,
    'window:' || w.id AS target, {_SINCE.format(t="w", target="'window:' || w.id")}
FROM windows w WHERE w.champion_version_id IS NOT NULL
"""  # noqa: S608
_PIPELINES = f"""
SELECT r.project AS project, 'pipeline-run:' || r.id AS source, 'run:' || r.id AS target,
    {_SINCE.format(t="r", target="'run:' || r.id")}
FROM runs r JOIN pipeline_runs p ON p.id = r.id
"""  # noqa: S608
_RETRAININGS = f"""
SELECT t.project AS project, 'retraining:' || t.id AS source,
    'pipeline-run:' || t.pipeline_run_id AS target,
    {_SINCE.format(t="t", target="'run:' || t.pipeline_run_id")}
FROM retrainings t
"""  # noqa: S608
_PARENTS = f"""
SELECT r.project AS project, 'run:' || r.parent AS source, 'run:' || r.id AS target,
    {_SINCE.format(t="r", target="'run:' || r.id")}
FROM runs r WHERE r.parent IS NOT NULL
"""  # noqa: S608


def upgrade() -> None:
    op.create_table(
        "lineage_nodes",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("node", sa.String(length=200), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("event", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project", "node", name=op.f("pk_lineage_nodes")),
    )
    op.create_table(
        "lineage_feeds",
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_lineage_feeds")),
    )
    op.add_column("runs", sa.Column("code_detail", sa.Text(), nullable=True))
    for edges in (_WINDOWS, _PIPELINES, _RETRAININGS, _PARENTS):
        op.execute(_EDGE.format(edges=edges))


def downgrade() -> None:
    op.drop_column("runs", "code_detail")
    op.drop_table("lineage_feeds")
    op.drop_table("lineage_nodes")
