"""The table of sources."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from millwright.kernel.tables import metadata

dataset_sources = Table(
    "dataset_sources",
    metadata,
    Column("version_id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("url", String(2000), nullable=False),
    Column("options", Text, nullable=False),
    Column("state_kind", String(30), nullable=False),
    Column("state_value", String(500), nullable=False),
    Column("recorded_ms", BigInteger, nullable=False),
    Column("recorded_by", String(200), nullable=False),
    Index(None, "project", "name"),
)
