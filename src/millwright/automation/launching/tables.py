"""The table of runs that wait for a worker of the control plane."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from millwright.kernel.tables import metadata

launches = Table(
    "launches",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    # Runs of one lane wait for one another: at most max_active of them are in progress.
    Column("lane", String(100), nullable=False),
    Column("max_active", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("worker_starts", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index(None, "state", "lane", "run_id"),
)
