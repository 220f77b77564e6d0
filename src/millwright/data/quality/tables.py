"""The tables of data quality: suites, what checks found, overrides."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from millwright.kernel.tables import metadata

dataset_suites = Table(
    "dataset_suites",
    metadata,
    Column("project", String(100), primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("checks", Text, nullable=False),
    Column("source", String(200), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
)

dataset_checks = Table(
    "dataset_checks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("version_id", String(32), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("report", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("suite", Integer, nullable=False),
    Column("quarantine", String(64), nullable=True),
    Index(None, "version_id"),
)

dataset_overrides = Table(
    "dataset_overrides",
    metadata,
    Column("version_id", String(32), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
)
