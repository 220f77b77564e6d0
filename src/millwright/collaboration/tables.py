"""The tables of collaboration."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from millwright.kernel.tables import metadata

comments = Table(
    "comments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("edited_ms", BigInteger, nullable=True),
    Index(None, "project", "subject", "created_ms"),
)

mentions = Table(
    "mentions",
    metadata,
    Column("comment", String(32), ForeignKey("comments.id"), nullable=False),
    Column("person", String(200), nullable=False),
    Column("project", String(100), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("read_ms", BigInteger, nullable=True),
    PrimaryKeyConstraint("comment", "person"),
    Index(None, "project", "person", "created_ms"),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("project", String(100), nullable=False),
    Column("page", String(50), nullable=False),
    Column("name", String(100), nullable=False),
    Column("query", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "page", "name"),
)
