"""The tables of deployments."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from millwright.kernel.tables import metadata

deployments = Table(
    "deployments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("model", String(100), nullable=False),
    Column("variants", Text, nullable=False),
    Column("bandit", Text, nullable=True),
    Column("serving", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("status", String(10), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    UniqueConstraint("project", "name"),
)

deployment_rollouts = Table(
    "deployment_rollouts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("deployment_id", String(32), ForeignKey("deployments.id"), nullable=False),
    Column("champion_version_id", String(32), nullable=False),
    Column("champion_version", Integer, nullable=False),
    Column("canary_version_id", String(32), nullable=False),
    Column("canary_version", Integer, nullable=False),
    Column("share", Float, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("decided_ms", BigInteger, nullable=True),
    Column("outcome", String(12), nullable=True),
    Column("reason", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Index(None, "deployment_id", "started_ms"),
)

deployment_replicas = Table(
    "deployment_replicas",
    metadata,
    Column("deployment_id", String(32), ForeignKey("deployments.id"), primary_key=True),
    Column("pid", Integer, nullable=True),
    Column("port", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

deployment_releases = Table(
    "deployment_releases",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("target", String(100), nullable=False),
    Column("model", String(100), nullable=False),
    Column("version_id", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("settings", Text, nullable=False),
    Column("made", Text, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("left_ms", BigInteger, nullable=True),
    Column("reason", Text, nullable=False),
    Index(None, "project", "name", "target", "created_ms"),
)
