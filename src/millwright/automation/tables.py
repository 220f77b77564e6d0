"""The tables of retraining decisions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from millwright.kernel.tables import metadata

retrainings = Table(
    "retrainings",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("deployment_id", String(32), nullable=False),
    Column("pipeline_run_id", String(32), nullable=False, unique=True),
    Column("status", String(20), nullable=False),
    Column("cause", Text, nullable=False),
    Column("event_time_ms", BigInteger, nullable=False),
    Column("champion_version_id", String(32), nullable=False),
    Column("champion_version", Integer, nullable=False),
    Column("challenger_version_id", String(32), nullable=True),
    Column("challenger_version", Integer, nullable=True),
    Column("comparison", Text, nullable=True),
    Column("reason", Text, nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger, nullable=True),
    Index(None, "project", "created_ms"),
    Index(None, "deployment_id", "status"),
)

champion_features = Table(
    "champion_features",
    metadata,
    Column("deployment_id", String(32), primary_key=True),
    Column("version_id", String(32), nullable=False),
    Column("features", Text, nullable=False),
)
