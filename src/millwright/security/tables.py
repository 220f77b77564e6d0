"""The tables of the security room."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, String, Table

from millwright.kernel.tables import metadata

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("role", String(20), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_ms", BigInteger, nullable=True),
    Column("last_used_ms", BigInteger, nullable=True),
    Column("revoked_ms", BigInteger, nullable=True),
    Index(None, "name"),
)

token_grants = Table(
    "token_grants",
    metadata,
    Column("token", String(32), nullable=False),
    Column("project", String(100), nullable=False),
    Column("role", String(20), nullable=False),
    Column("granted_ms", BigInteger, nullable=False),
    Column("granted_by", String(200), nullable=False),
    PrimaryKeyConstraint("token", "project"),
    Index(None, "project"),
)
