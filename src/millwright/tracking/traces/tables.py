"""Traces, their spans, tags, metadata and assessments."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from millwright.kernel.tables import metadata

traces = Table(
    "traces",
    metadata,
    Column("id", String(50), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("experiment_no", BigInteger, nullable=False),
    Column("timestamp_ms", BigInteger, nullable=False),
    Column("execution_ms", BigInteger, nullable=True),
    Column("status", String(20), nullable=False),
    Column("client_request_id", String(250), nullable=True),
    Column("request_preview", Text, nullable=True),
    Column("response_preview", Text, nullable=True),
    # True once a client told the whole of it; until then times follow the spans that came in.
    Column("told", Boolean, nullable=False),
    Index(None, "experiment_no", "timestamp_ms", "id"),
)

trace_tags = Table(
    "trace_tags",
    metadata,
    Column("trace", String(50), nullable=False),
    Column("key", String(250), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("trace", "key"),
)

trace_metadata = Table(
    "trace_metadata",
    metadata,
    Column("trace", String(50), nullable=False),
    Column("key", String(250), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("trace", "key"),
)

spans = Table(
    "spans",
    metadata,
    Column("trace", String(50), nullable=False),
    Column("span", String(50), nullable=False),
    Column("parent", String(50), nullable=True),
    Column("name", Text, nullable=False),
    Column("type", String(500), nullable=True),
    Column("status", String(20), nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=True),
    Column("content", Text, nullable=False),
    PrimaryKeyConstraint("trace", "span"),
)

assessments = Table(
    "assessments",
    metadata,
    Column("id", String(50), primary_key=True),
    Column("trace", String(50), nullable=False),
    Column("span", String(50), nullable=True),
    Column("name", String(250), nullable=False),
    # "feedback", "expectation" or "issue"
    Column("kind", String(20), nullable=False),
    Column("value", Text, nullable=False),
    Column("number", Double, nullable=True),
    Column("error", Text, nullable=True),
    Column("source_type", String(50), nullable=False),
    Column("source_id", String(250), nullable=True),
    Column("run", String(32), nullable=True),
    Column("rationale", Text, nullable=True),
    Column("metadata", Text, nullable=True),
    Column("overrides", String(50), nullable=True),
    Column("valid", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Index(None, "trace", "created_ms"),
)

trace_links = Table(
    "trace_links",
    metadata,
    Column("trace", String(50), nullable=False),
    # "run" or "prompt"
    Column("kind", String(10), nullable=False),
    Column("target", String(300), nullable=False),
    PrimaryKeyConstraint("trace", "kind", "target"),
    Index(None, "kind", "target"),
)
