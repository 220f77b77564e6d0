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
    Text,
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
    Column("trigger", String(40), nullable=False, server_default="manual"),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("idempotency_key", String(200), nullable=True),
    Column("code_digest", String(64), nullable=True),
    Column("not_before_ms", BigInteger, nullable=True),
    Column("deadline_ms", BigInteger, nullable=True),
    Column("max_active", Integer, nullable=True),
    # The number of the last wave of changes, so that one that is said twice happens once.
    Column("wave", Integer, nullable=False, server_default="0"),
    Index(None, "project", "id"),
    Index(None, "status", "id"),
    Index("ux_pipeline_runs_idempotency", "project", "idempotency_key", unique=True),
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
    Column("kind", String(20), nullable=False, server_default="step"),
    Column("parent", String(200), nullable=True),
    PrimaryKeyConstraint("run_id", "name"),
)

pipeline_attempts = Table(
    "pipeline_attempts",
    metadata,
    Column("run_id", String(32), ForeignKey("pipeline_runs.id"), nullable=False),
    Column("task", String(200), nullable=False),
    Column("number", Integer, nullable=False),
    # Which claim of the run made it, and who held that claim.
    Column("claim", Integer, nullable=False),
    Column("owner", String(200), nullable=True),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger, nullable=True),
    Column("outcome", String(20), nullable=True),
    Column("error", JSON, nullable=True),
    PrimaryKeyConstraint("run_id", "task", "number"),
)

pipeline_pools = Table(
    "pipeline_pools",
    metadata,
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("slots", Integer, nullable=False),
    PrimaryKeyConstraint("project", "name"),
)

pipeline_slots = Table(
    "pipeline_slots",
    metadata,
    Column("project", String(100), nullable=False),
    Column("pool", String(100), nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("task", String(200), nullable=False),
    Column("claim", Integer, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    # Held slots have one; who only waits for slots has none.
    Column("held_ms", BigInteger, nullable=True),
    PrimaryKeyConstraint("run_id", "task"),
    Index(None, "project", "pool"),
)

pipeline_approvals = Table(
    "pipeline_approvals",
    metadata,
    Column("run_id", String(32), ForeignKey("pipeline_runs.id"), nullable=False),
    Column("task", String(200), nullable=False),
    Column("project", String(100), nullable=False),
    Column("message", Text, nullable=False),
    Column("role", String(20), nullable=False),
    Column("asked_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=True),
    Column("decision", String(20), nullable=True),
    Column("decided_by", String(200), nullable=True),
    Column("decided_ms", BigInteger, nullable=True),
    Column("reason", Text, nullable=True),
    PrimaryKeyConstraint("run_id", "task"),
    Index(None, "project", "decision"),
)

pipeline_log = Table(
    "pipeline_log",
    metadata,
    Column("run_id", String(32), nullable=False),
    Column("task", String(200), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("run_id", "task", "attempt", "seq"),
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
    # Of the graph above the step, where the key is of what that graph made.
    Column("recipe_key", String(64), nullable=True),
    PrimaryKeyConstraint("project", "key"),
    Index(None, "project", "step", "created_ms"),
    Index(None, "project", "recipe_key"),
)
