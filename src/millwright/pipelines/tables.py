"""The tables of pipeline runs."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
)

from millwright.kernel.tables import metadata

pipeline_runs = Table(
    "pipeline_runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("entry_point", String(300), nullable=False),
    Column("params", JSON, nullable=False),
    Column("graph", JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger, nullable=True),
    Column("finished_ms", BigInteger, nullable=True),
    Column("lease_owner", String(200), nullable=True),
    Column("lease_expires_ms", BigInteger, nullable=True),
    Column("worker_pid", Integer, nullable=True),
    Column("cancel_requested", Boolean, nullable=False),
    Column("cause", JSON, nullable=True),
    Column("error", JSON, nullable=True),
    Index(None, "project", "id"),
    Index(None, "status", "id"),
)

pipeline_tasks = Table(
    "pipeline_tasks",
    metadata,
    Column("run_id", String(32), ForeignKey("pipeline_runs.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("position", Integer, nullable=False),
    Column("step", String(300), nullable=False),
    Column("output_names", JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("cache_key", String(64), nullable=True),
    Column("fingerprint", JSON, nullable=True),
    Column("outputs", JSON, nullable=True),
    Column("reason", JSON, nullable=True),
    Column("started_ms", BigInteger, nullable=True),
    Column("finished_ms", BigInteger, nullable=True),
    Column("error", JSON, nullable=True),
    Column("log_digest", String(64), nullable=True),
    PrimaryKeyConstraint("run_id", "name"),
)

step_cache = Table(
    "step_cache",
    metadata,
    Column("project", String(100), nullable=False),
    Column("key", String(64), nullable=False),
    Column("step", String(300), nullable=False),
    Column("fingerprint", JSON, nullable=False),
    Column("outputs", JSON, nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "key"),
    Index(None, "project", "step", "created_ms"),
)
