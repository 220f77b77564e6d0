"""Artifacts that belong to no run, and uploads that come in parts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table

from millwright.kernel.tables import metadata

artifact_files = Table(
    "artifact_files",
    metadata,
    Column("project", String(100), nullable=False),
    Column("path", String(800), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "path"),
    Index(None, "digest"),
)

artifact_uploads = Table(
    "artifact_uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("path", String(800), nullable=False),
    Column("parts", Integer, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

artifact_upload_parts = Table(
    "artifact_upload_parts",
    metadata,
    Column("upload", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    PrimaryKeyConstraint("upload", "number"),
)
