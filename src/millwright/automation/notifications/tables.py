"""The tables of notifications: how far the event log was read, and what is still to be told."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from millwright.kernel.tables import metadata

notification_progress = Table(
    "notification_progress",
    metadata,
    Column("project", String(100), primary_key=True),
    Column("seen", Integer, nullable=False),
)

notifications = Table(
    "notifications",
    metadata,
    Column("event", Integer, nullable=False),
    Column("channel", String(20), nullable=False),
    Column("project", String(100), nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("answer", Text, nullable=True),
    PrimaryKeyConstraint("event", "channel"),
    Index(None, "state", "due_ms"),
)
