"""Logged models of MLflow 3, with what was said and measured of each."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
)

from millwright.kernel.tables import metadata

logged_models = Table(
    "logged_models",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("experiment_no", BigInteger, nullable=False),
    Column("name", String(500), nullable=False),
    Column("model_type", String(500), nullable=True),
    Column("run", String(256), nullable=True),
    # 1 pending, 2 ready, 3 upload failed
    Column("status", SmallInteger, nullable=False),
    Column("artifact_uri", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger, nullable=True),
    Index(None, "experiment_no", "created_ms", "id"),
    Index(None, "run"),
)

logged_model_params = Table(
    "logged_model_params",
    metadata,
    Column("model", String(40), nullable=False),
    Column("key", String(255), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("model", "key"),
)

logged_model_tags = Table(
    "logged_model_tags",
    metadata,
    Column("model", String(40), nullable=False),
    Column("key", String(255), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("model", "key"),
)

logged_model_metrics = Table(
    "logged_model_metrics",
    metadata,
    Column("model", String(40), nullable=False),
    Column("key", String(255), nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("run", String(32), nullable=False),
    Column("value", Double, nullable=False),
    Column("is_nan", SmallInteger, nullable=False),
    Column("dataset_name", String(500), nullable=True),
    Column("dataset_digest", String(36), nullable=True),
    PrimaryKeyConstraint("model", "key", "time_ms", "step", "run"),
)
