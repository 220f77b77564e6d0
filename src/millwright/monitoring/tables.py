"""The tables of monitoring.

``seq`` rises in the order of commits, because write transactions are serialised: a reader that
remembers the last one it saw misses nothing.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from millwright.kernel.tables import metadata

prediction_segments = Table(
    "prediction_segments",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("deployment_id", String(32), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("min_event_ms", BigInteger, nullable=False),
    Column("max_event_ms", BigInteger, nullable=False),
    Column("watermark_ms", BigInteger, nullable=True),
    Column("max_served_ms", BigInteger, nullable=False),
    UniqueConstraint("deployment_id", "file_name"),
    Index(None, "deployment_id", "min_event_ms"),
)

label_segments = Table(
    "label_segments",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("deployment_id", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index(None, "deployment_id", "seq"),
)

windows = Table(
    "windows",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("deployment_id", String(32), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("champion_version_id", String(32), nullable=True),
    Column("n", Integer, nullable=False),
    Column("n_labelled", Integer, nullable=False),
    Column("status", String(10), nullable=False),
    Column("summary", Text, nullable=False),
    Column("evaluated_ms", BigInteger, nullable=False),
    UniqueConstraint("deployment_id", "start_ms"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("deployment_id", String(32), nullable=False),
    Column("window_id", String(32), nullable=False),
    Column("kind", String(120), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("title", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("windows", Integer, nullable=False),
    Column("last_window_ms", BigInteger, nullable=False),
    Column("event_time_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger, nullable=True),
    Column("acknowledged_by", String(200), nullable=True),
    Index(None, "deployment_id", "status"),
    Index(None, "project", "status"),
)

alert_silences = Table(
    "alert_silences",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("deployment_id", String(32), nullable=True),
    Column("kind", String(120), nullable=True),
    Column("reason", Text, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Index(None, "project", "until_ms"),
)

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("alert_id", String(32), nullable=False),
    Column("occasion", String(20), nullable=False),
    Column("receiver", String(100), nullable=False),
    Column("project", String(100), nullable=False),
    Column("deployment_id", String(32), nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("answer", Text, nullable=True),
    PrimaryKeyConstraint("alert_id", "occasion", "receiver"),
    Index(None, "state", "due_ms"),
)

monitoring_progress = Table(
    "monitoring_progress",
    metadata,
    Column("deployment_id", String(32), primary_key=True),
    Column("origin_ms", BigInteger, nullable=False),
    Column("window_ms", BigInteger, nullable=False),
    Column("segment_cursor", Integer, nullable=False),
    Column("label_cursor", Integer, nullable=False),
    Column("judged", Text, nullable=False),
    Column("log_from_ms", BigInteger, nullable=True),
)
