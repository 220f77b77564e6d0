"""The tables of the registry."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from millwright.kernel.tables import metadata

models = Table(
    "models",
    metadata,
    Column("project", String(100), nullable=False),
    Column("name", String(256), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False, server_default=text("0")),
    Column("description", Text, nullable=True),
    # Prompts are models to the MLflow protocol; they are not listed with ours.
    Column("prompt", Boolean, nullable=False, server_default=text("false")),
    PrimaryKeyConstraint("project", "name"),
)

model_tags = Table(
    "model_tags",
    metadata,
    Column("project", String(100), nullable=False),
    Column("model", String(256), nullable=False),
    Column("key", String(250), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("project", "model", "key"),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("model", String(256), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False, server_default=text("0")),
    # A deleted version keeps its number, so that no other version is ever mistaken for it.
    Column("deleted_ms", BigInteger, nullable=True),
    Column("actor", String(200), nullable=False),
    Column("description", Text, nullable=False),
    Column("run", String(256), nullable=True),
    Column("dataset", String(32), nullable=True),
    # What MLflow clients say of a version: where it came from, its stage, the model it was logged as.
    Column("source", Text, nullable=True),
    Column("storage", Text, nullable=True),
    Column("run_link", Text, nullable=True),
    Column("stage", String(20), nullable=False, server_default="None"),
    Column("logged_model", String(100), nullable=True),
    # Versions that MLflow clients registered have no package; the columns of one are empty there.
    Column("manifest", String(64), nullable=False),
    Column("evaluation", String(64), nullable=True),
    Column("task", String(20), nullable=False),
    Column("family", String(100), nullable=False),
    Column("classes", Text, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("parity", Double, nullable=False),
    Column("signature", Text, nullable=False),
    Column("metrics", Text, nullable=False),
    Column("gates", Text, nullable=False),
    UniqueConstraint("project", "model", "version"),
    Index(None, "run"),
    Index(None, "project", "updated_ms"),
)

model_version_tags = Table(
    "model_version_tags",
    metadata,
    Column("project", String(100), nullable=False),
    Column("model", String(256), nullable=False),
    Column("version", Integer, nullable=False),
    Column("key", String(250), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("project", "model", "version", "key"),
)

model_approvals = Table(
    "model_approvals",
    metadata,
    Column("version", String(32), ForeignKey("model_versions.id"), nullable=False),
    Column("alias", String(255), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("verdict", String(10), nullable=False),
    Column("comment", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("version", "alias", "actor"),
)

# What was found in a version's package, and the signature over it.
model_vettings = Table(
    "model_vettings",
    metadata,
    Column("version", String(32), ForeignKey("model_versions.id"), primary_key=True),
    Column("findings", Text, nullable=False),
    Column("public_key", String(44), nullable=False),
    Column("signature", String(88), nullable=False),
    Column("signed_ms", BigInteger, nullable=False),
)

model_files = Table(
    "model_files",
    metadata,
    Column("version", String(32), ForeignKey("model_versions.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("digest", String(64), nullable=False),
    PrimaryKeyConstraint("version", "name"),
)

model_aliases = Table(
    "model_aliases",
    metadata,
    Column("project", String(100), nullable=False),
    Column("model", String(256), nullable=False),
    Column("alias", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("set_ms", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    PrimaryKeyConstraint("project", "model", "alias"),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(63), nullable=False),
    Column("description", Text, nullable=True),
    Column("url", Text, nullable=False),
    # The signing key: it leaves this table only into signatures, never into an answer or a log.
    Column("secret", Text, nullable=True),
    Column("status", String(10), nullable=False),
    Column("events", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Index(None, "project", "created_ms"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("webhook", String(36), ForeignKey("webhooks.id"), nullable=False),
    Column("entity", String(30), nullable=False),
    Column("action", String(20), nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("answer", Text, nullable=True),
    Index(None, "state", "due_ms"),
)
