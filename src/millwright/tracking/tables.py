"""The tables of tracking. A metric value of NULL is NaN: SQLite has no other way to say it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from millwright.kernel.tables import metadata

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("experiment", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    Column("status", String(20), nullable=False),
    Column("parent", String(32), nullable=True),
    Column("actor", String(200), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=True),
    Column("seed", BigInteger, nullable=True),
    Column("inputs", Text, nullable=False),
    Column("code_commit", String(64), nullable=True),
    Column("code_dirty", Boolean, nullable=True),
    Column("code_diff_digest", String(64), nullable=True),
    Column("environment", Text, nullable=True),
    Column("command", Text, nullable=True),
    Column("error", Text, nullable=True),
    Index(None, "project", "created_ms", "id"),
    Index(None, "project", "experiment", "created_ms"),
    Index(None, "project", "parent"),
)

run_params = Table(
    "run_params",
    metadata,
    Column("run", String(32), ForeignKey("runs.id"), nullable=False),
    Column("key", String(250), nullable=False),
    Column("value", Text, nullable=False),
    # The value as a number, where it is one, so that runs can be ordered by it.
    Column("number", Double, nullable=True),
    PrimaryKeyConstraint("run", "key"),
)

run_metrics = Table(
    "run_metrics",
    metadata,
    # SQLite counts rows up only in a column of the type INTEGER.
    Column(
        "seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    Column("run", String(32), ForeignKey("runs.id"), nullable=False),
    Column("key", String(250), nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("value", Double, nullable=True),
    Index(None, "run", "key", "step"),
)

run_latest_metrics = Table(
    "run_latest_metrics",
    metadata,
    Column("run", String(32), ForeignKey("runs.id"), nullable=False),
    Column("key", String(250), nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("value", Double, nullable=True),
    PrimaryKeyConstraint("run", "key"),
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run", String(32), ForeignKey("runs.id"), nullable=False),
    Column("key", String(250), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("run", "key"),
)

run_artifacts = Table(
    "run_artifacts",
    metadata,
    Column("run", String(32), ForeignKey("runs.id"), nullable=False),
    Column("name", String(250), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("run", "name"),
    Index(None, "digest"),
)
