"""Models as MLflow's clients know them; logged models, traces, artifacts by path, webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_CHANGED = ("models", "model_versions", "model_files", "model_aliases")


def upgrade() -> None:
    for table in _CHANGED:
        op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608
    for table in ("model_files", "model_aliases", "model_versions", "models"):
        op.drop_table(table)
    _registry()
    for statement in (_MODELS, _VERSIONS, _FILES, _ALIASES):
        op.execute(statement)
    for table in _CHANGED:
        op.drop_table(f"old_{table}")
    _webhooks()
    _artifacts()
    _logged_models()
    _traces()


_MODELS = """
INSERT INTO models (project, name, created_ms, updated_ms, prompt)
SELECT o.project, o.name, o.created_ms, COALESCE((
    SELECT MAX(v.created_ms) FROM old_model_versions v
    WHERE v.project = o.project AND v.model = o.name), o.created_ms), FALSE
FROM old_models o
"""
_KEPT = (
    "id, project, model, version, status, created_ms, actor, description, run, dataset, manifest, "
    "evaluation, task, family, classes, threshold, parity, signature, metrics, gates"
)
_VERSIONS = f"""
INSERT INTO model_versions ({_KEPT}, updated_ms, stage)
SELECT {_KEPT}, created_ms, 'None' FROM old_model_versions
"""  # noqa: S608
_FILES = "INSERT INTO model_files (version, name, digest) SELECT version, name, digest FROM old_model_files"
_ALIASES = """
INSERT INTO model_aliases (project, model, alias, version, set_ms, actor)
SELECT project, model, alias, version, set_ms, actor FROM old_model_aliases
"""


def _registry() -> None:
    op.create_table(
        "model_aliases",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("set_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("project", "model", "alias", name=op.f("pk_model_aliases")),
    )
    op.create_table(
        "model_tags",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", "model", "key", name=op.f("pk_model_tags")),
    )
    op.create_table(
        "model_version_tags",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "project", "model", "version", "key", name=op.f("pk_model_version_tags")
        ),
    )
    op.create_table(
        "model_versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("run", sa.String(length=256), nullable=True),
        sa.Column("dataset", sa.String(length=32), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("storage", sa.Text(), nullable=True),
        sa.Column("run_link", sa.Text(), nullable=True),
        sa.Column("stage", sa.String(length=20), server_default="None", nullable=False),
        sa.Column("logged_model", sa.String(length=100), nullable=True),
        sa.Column("manifest", sa.String(length=64), nullable=False),
        sa.Column("evaluation", sa.String(length=64), nullable=True),
        sa.Column("task", sa.String(length=20), nullable=False),
        sa.Column("family", sa.String(length=100), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("parity", sa.Double(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("gates", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_versions")),
        sa.UniqueConstraint(
            "project", "model", "version", name=op.f("uq_model_versions_project_model_version")
        ),
    )
    op.create_index(
        op.f("ix_model_versions_project_updated_ms"),
        "model_versions",
        ["project", "updated_ms"],
        unique=False,
    )
    op.create_index(op.f("ix_model_versions_run"), "model_versions", ["run"], unique=False)
    op.create_table(
        "models",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("prompt", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", name=op.f("pk_models")),
    )
    op.create_table(
        "model_approvals",
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("alias", sa.String(length=255), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["model_versions.id"], name=op.f("fk_model_approvals_version")
        ),
        sa.PrimaryKeyConstraint("version", "alias", "actor", name=op.f("pk_model_approvals")),
    )
    op.create_table(
        "model_files",
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"], ["model_versions.id"], name=op.f("fk_model_files_version")
        ),
        sa.PrimaryKeyConstraint("version", "name", name=op.f("pk_model_files")),
    )


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(
        op.f("ix_webhooks_project_created_ms"), "webhooks", ["project", "created_ms"], unique=False
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("webhook", sa.String(length=36), nullable=False),
        sa.Column("entity", sa.String(length=30), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        op.f("ix_webhook_deliveries_state_due_ms"),
        "webhook_deliveries",
        ["state", "due_ms"],
        unique=False,
    )


def _artifacts() -> None:
    op.create_table(
        "artifact_files",
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=800), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=120), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project", "path", name=op.f("pk_artifact_files")),
    )
    op.create_index(op.f("ix_artifact_files_digest"), "artifact_files", ["digest"], unique=False)
    op.create_table(
        "artifact_upload_parts",
        sa.Column("upload", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("upload", "number", name=op.f("pk_artifact_upload_parts")),
    )
    op.create_table(
        "artifact_uploads",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("path", sa.String(length=800), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_uploads")),
    )


def _logged_models() -> None:
    op.create_table(
        "logged_model_metrics",
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.SmallInteger(), nullable=False),
        sa.Column("dataset_name", sa.String(length=500), nullable=True),
        sa.Column("dataset_digest", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint(
            "model", "key", "time_ms", "step", "run", name=op.f("pk_logged_model_metrics")
        ),
    )
    op.create_table(
        "logged_model_params",
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model", "key", name=op.f("pk_logged_model_params")),
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model", "key", name=op.f("pk_logged_model_tags")),
    )
    op.create_table(
        "logged_models",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("experiment_no", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("model_type", sa.String(length=500), nullable=True),
        sa.Column("run", sa.String(length=256), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("artifact_uri", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logged_models")),
    )
    op.create_index(
        op.f("ix_logged_models_experiment_no_created_ms_id"),
        "logged_models",
        ["experiment_no", "created_ms", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_logged_models_run"), "logged_models", ["run"], unique=False)


def _traces() -> None:
    op.create_table(
        "assessments",
        sa.Column("id", sa.String(length=50), nullable=False),
        sa.Column("trace", sa.String(length=50), nullable=False),
        sa.Column("span", sa.String(length=50), nullable=True),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("source_type", sa.String(length=50), nullable=False),
        sa.Column("source_id", sa.String(length=250), nullable=True),
        sa.Column("run", sa.String(length=32), nullable=True),
        sa.Column("rationale", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("overrides", sa.String(length=50), nullable=True),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessments")),
    )
    op.create_index(
        op.f("ix_assessments_trace_created_ms"),
        "assessments",
        ["trace", "created_ms"],
        unique=False,
    )
    op.create_table(
        "spans",
        sa.Column("trace", sa.String(length=50), nullable=False),
        sa.Column("span", sa.String(length=50), nullable=False),
        sa.Column("parent", sa.String(length=50), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(length=500), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trace", "span", name=op.f("pk_spans")),
    )
    op.create_table(
        "trace_links",
        sa.Column("trace", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("target", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("trace", "kind", "target", name=op.f("pk_trace_links")),
    )
    op.create_index(
        op.f("ix_trace_links_kind_target"), "trace_links", ["kind", "target"], unique=False
    )
    op.create_table(
        "trace_metadata",
        sa.Column("trace", sa.String(length=50), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trace", "key", name=op.f("pk_trace_metadata")),
    )
    op.create_table(
        "trace_tags",
        sa.Column("trace", sa.String(length=50), nullable=False),
        sa.Column("key", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trace", "key", name=op.f("pk_trace_tags")),
    )
    op.create_table(
        "traces",
        sa.Column("id", sa.String(length=50), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("experiment_no", sa.BigInteger(), nullable=False),
        sa.Column("timestamp_ms", sa.BigInteger(), nullable=False),
        sa.Column("execution_ms", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("client_request_id", sa.String(length=250), nullable=True),
        sa.Column("request_preview", sa.Text(), nullable=True),
        sa.Column("response_preview", sa.Text(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_traces")),
    )
    op.create_index(
        op.f("ix_traces_experiment_no_timestamp_ms_id"),
        "traces",
        ["experiment_no", "timestamp_ms", "id"],
        unique=False,
    )
