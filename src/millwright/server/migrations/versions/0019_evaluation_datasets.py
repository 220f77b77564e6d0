"""Evaluation datasets with their records, and scorers with their versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _datasets()
    _records()
    _scorers()


def _datasets() -> None:
    op.create_table(
        "evaluation_datasets",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("project", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=8), nullable=False),
        sa.Column("schema", sa.Text(), nullable=True),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=True),
        sa.Column("updated_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_datasets")),
    )
    op.create_index(
        op.f("ix_evaluation_datasets_project_created_ms_id"),
        "evaluation_datasets",
        ["project", "created_ms", "id"],
    )
    op.create_table(
        "evaluation_dataset_tags",
        sa.Column("dataset", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "key", name=op.f("pk_evaluation_dataset_tags")),
    )
    op.create_table(
        "evaluation_dataset_experiments",
        sa.Column("dataset", sa.String(length=40), nullable=False),
        sa.Column("experiment", sa.String(length=64), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "dataset", "experiment", name=op.f("pk_evaluation_dataset_experiments")
        ),
    )
    op.create_index(
        op.f("ix_evaluation_dataset_experiments_experiment"),
        "evaluation_dataset_experiments",
        ["experiment"],
    )


def _records() -> None:
    op.create_table(
        "evaluation_dataset_records",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("dataset", sa.String(length=40), nullable=False),
        sa.Column("input_digest", sa.String(length=64), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.Column("expectations", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=True),
        sa.Column("updated_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_dataset_records")),
        sa.UniqueConstraint(
            "dataset",
            "input_digest",
            name=op.f("uq_evaluation_dataset_records_dataset_input_digest"),
        ),
    )
    op.create_index(
        op.f("ix_evaluation_dataset_records_dataset_created_ms_id"),
        "evaluation_dataset_records",
        ["dataset", "created_ms", "id"],
    )


def _scorers() -> None:
    op.create_table(
        "scorers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("experiment_no", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scorers")),
        sa.UniqueConstraint("experiment_no", "name", name=op.f("uq_scorers_experiment_no_name")),
    )
    op.create_table(
        "scorer_versions",
        sa.Column("scorer", sa.String(length=36), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("serialized", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scorer", "version", name=op.f("pk_scorer_versions")),
    )
