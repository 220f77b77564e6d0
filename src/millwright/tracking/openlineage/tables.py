"""How far the log of events was sent on, by the address it is sent to."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from millwright.kernel.tables import metadata

lineage_feeds = Table(
    "lineage_feeds",
    metadata,
    Column("url", String(500), primary_key=True),
    Column("seq", Integer, nullable=False),
)
