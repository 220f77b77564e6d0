"""The tables of the registry."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from millwright.kernel.tables import metadata

models = Table(
    "models",
    metadata,
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "name"),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("model", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("run", String(32), nullable=True),
    Column("dataset", String(32), nullable=True),
    Column("manifest", String(64), nullable=False),
    Column("evaluation", String(64), nullable=True),
    Column("task", String(20), nullable=False),
    Column("family", String(100), nullable=False),
    Column("classes", Text, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("parity", Double, nullable=False),
    Column("signature", Text, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("gates", Text, nullable=False),
    UniqueConstraint("project", "model", "version"),
    Index(None, "run"),
)

model_files = Table(
    "model_files",
    metadata,
    Column("version", String(32), ForeignKey("model_versions.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("digest", String(64), nullable=False),
    PrimaryKeyConstraint("version", "name"),
)

model_aliases = Table(
    "model_aliases",
    metadata,
    Column("project", String(100), nullable=False),
    Column("model", String(100), nullable=False),
    Column("alias", String(50), nullable=False),
    Column("version", Integer, nullable=False),
    Column("set_ms", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    PrimaryKeyConstraint("project", "model", "alias"),
)
