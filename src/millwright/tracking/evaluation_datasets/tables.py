"""Evaluation datasets, their records, tags, and the experiments that they belong to."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from millwright.kernel.tables import metadata

evaluation_datasets = Table(
    "evaluation_datasets",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(255), nullable=False),
    Column("digest", String(8), nullable=False),
    Column("schema", Text, nullable=True),
    # Kept beside the records, so that showing a dataset counts nothing.
    Column("records", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("created_by", String(255), nullable=True),
    Column("updated_by", String(255), nullable=True),
    Index(None, "project", "created_ms", "id"),
)

evaluation_dataset_tags = Table(
    "evaluation_dataset_tags",
    metadata,
    Column("dataset", String(40), nullable=False),
    Column("key", String(255), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("dataset", "key"),
)

evaluation_dataset_experiments = Table(
    "evaluation_dataset_experiments",
    metadata,
    Column("dataset", String(40), nullable=False),
    # MLflow's id of an experiment in the dataset's project.
    Column("experiment", String(64), nullable=False),
    Column("place", BigInteger, nullable=False),
    PrimaryKeyConstraint("dataset", "experiment"),
    Index(None, "experiment"),
)

evaluation_dataset_records = Table(
    "evaluation_dataset_records",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("dataset", String(40), nullable=False),
    Column("input_digest", String(64), nullable=False),
    # Each of these is JSON.
    Column("inputs", Text, nullable=False),
    Column("outputs", Text, nullable=True),
    Column("expectations", Text, nullable=True),
    Column("tags", Text, nullable=True),
    Column("source", Text, nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("created_by", String(255), nullable=True),
    Column("updated_by", String(255), nullable=True),
    UniqueConstraint("dataset", "input_digest"),
    Index(None, "dataset", "created_ms", "id"),
)
