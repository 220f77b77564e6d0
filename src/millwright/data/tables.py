"""The tables of the data room: versions and their names."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint

from millwright.kernel.tables import metadata

dataset_versions = Table(
    "dataset_versions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("columns", Text, nullable=False),
    Column("profile_digest", String(64), nullable=False),
    Column("source", String(1000), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("parents", Text, nullable=False),
    Column("branch", String(100), nullable=False),
    Column("message", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("original", String(64), nullable=True),
    UniqueConstraint("project", "name", "version"),
    Index(None, "project", "name", "digest"),
)

dataset_refs = Table(
    "dataset_refs",
    metadata,
    Column("project", String(100), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("ref", String(100), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("version_id", String(32), nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("updated_by", String(200), nullable=False),
    Index(None, "version_id"),
)

removed_refs = Table(
    "removed_refs",
    metadata,
    Column("project", String(100), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("ref", String(100), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("version_id", String(32), nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("updated_by", String(200), nullable=False),
)
"""Tags and branches that were taken away, so that a push or fetch does not bring them back."""
