"""Scorers by experiment and name, and each one's versions."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from millwright.kernel.tables import metadata

scorers = Table(
    "scorers",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("experiment_no", BigInteger, nullable=False),
    Column("name", String(256), nullable=False),
    UniqueConstraint("experiment_no", "name"),
)

scorer_versions = Table(
    "scorer_versions",
    metadata,
    Column("scorer", String(36), nullable=False),
    Column("version", BigInteger, nullable=False),
    # JSON, as the client sent it: nothing here ever runs it.
    Column("serialized", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("scorer", "version"),
)
