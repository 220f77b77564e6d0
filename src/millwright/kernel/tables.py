"""The shared table registry, and the kernel's own tables: projects, events and their head, the edges
of lineage and those of its nodes that have no table elsewhere, leases."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

projects = Table(
    "projects",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("config_digest", String(64), nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String(32), nullable=False, unique=True),
    Column("time_ms", BigInteger, nullable=False),
    Column("project", String(100), nullable=True),
    Column("actor", String(200), nullable=False),
    Column("kind", String(100), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "project", "seq"),
    Index(None, "kind", "seq"),
    Index(None, "subject", "seq"),
)

event_head = Table(
    "event_head",
    metadata,
    Column("chain", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

lineage = Table(
    "lineage",
    metadata,
    Column("project", String(100), nullable=False),
    Column("source", String(200), nullable=False),
    Column("target", String(200), nullable=False),
    Column("event", Integer, nullable=False),
    PrimaryKeyConstraint("project", "source", "target"),
    Index(None, "project", "target"),
)

lineage_nodes = Table(
    "lineage_nodes",
    metadata,
    Column("project", String(100), nullable=False),
    Column("node", String(200), nullable=False),
    Column("label", Text, nullable=False),
    # What is known of it, as JSON.
    Column("details", Text, nullable=False),
    Column("event", Integer, nullable=False),
    PrimaryKeyConstraint("project", "node"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("owner", String(32), nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
)
