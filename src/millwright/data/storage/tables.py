"""The tables of storage: heads of remotes that cannot keep them, transfers, erasures,
versions without bytes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from millwright.kernel.tables import metadata

remote_heads = Table(
    "remote_heads",
    metadata,
    Column("address", String(500), primary_key=True),
    Column("project", String(100), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("document", Text, nullable=False),
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("finished_ms", BigInteger, nullable=True),
    Index(None, "project"),
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("remote", String(40), nullable=False),
    Column("way", String(10), nullable=False),
    Column("versions", Integer, nullable=False),
    Column("chunks", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Index(None, "project"),
)

dataset_rewrites = Table(
    "dataset_rewrites",
    metadata,
    Column("version_id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("erasure_id", String(32), nullable=False),
    Column("rewritten_ms", BigInteger, nullable=False),
    Index(None, "project"),
)

dropped_versions = Table(
    "dropped_versions",
    metadata,
    Column("version_id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("dropped_ms", BigInteger, nullable=False),
    Index(None, "project"),
)
