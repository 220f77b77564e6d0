"""The tables of tracking.

Runs and experiments have a number of their own beside their id: what is logged to a run is keyed by
that number, which keeps the rows of large tables small. Those tables are clustered by their key (one
B-tree to write, not two) and have no foreign keys: the service checks the run once for many rows,
and removes all its rows when the run is purged. NaN is ``is_nan`` with the value 0, because SQLite
has no other way to say it and NULL cannot stand in a key.
"""

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
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from millwright.kernel.tables import metadata

# SQLite counts rows up only in a column of the type INTEGER.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

experiments = Table(
    "experiments",
    metadata,
    Column("no", _NUMBER, primary_key=True, autoincrement=True),
    Column("project", String(100), nullable=False),
    # "0" for the one that every project has, else the number as text.
    Column("id", String(32), nullable=False),
    Column("name", String(500), nullable=False),
    Column("artifact_location", Text, nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("deleted_ms", BigInteger, nullable=True),
    UniqueConstraint("project", "id"),
    UniqueConstraint("project", "name"),
    # A number is never used again, so that an old link cannot show another experiment.
    sqlite_autoincrement=True,
)

experiment_tags = Table(
    "experiment_tags",
    metadata,
    Column("experiment_no", BigInteger, nullable=False),
    Column("key", String(250), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("experiment_no", "key"),
)

runs = Table(
    "runs",
    metadata,
    Column("no", _NUMBER, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False),
    Column("project", String(100), nullable=False),
    Column("experiment_no", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("status", String(20), nullable=False),
    Column("parent", String(32), nullable=True),
    Column("actor", String(200), nullable=False),
    # Who ran it, where the client says so; else the actor did.
    Column("user", String(256), nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger, nullable=True),
    Column("deleted_ms", BigInteger, nullable=True),
    Column("seed", BigInteger, nullable=True),
    Column("inputs", Text, nullable=False),
    Column("code_commit", String(64), nullable=True),
    Column("code_dirty", Boolean, nullable=True),
    Column("code_diff_digest", String(64), nullable=True),
    # The entry point and where it stands, as JSON.
    Column("code_detail", Text, nullable=True),
    Column("environment", Text, nullable=True),
    Column("command", Text, nullable=True),
    Column("error", Text, nullable=True),
    UniqueConstraint("id"),
    Index(None, "project", "created_ms", "id"),
    Index(None, "experiment_no", "created_ms", "id"),
    Index(None, "project", "parent"),
    sqlite_autoincrement=True,
)

run_params = Table(
    "run_params",
    metadata,
    Column("run_no", BigInteger, nullable=False),
    Column("key", String(255), nullable=False),
    # As text; the kind says what it was: (s)tring, (i)nteger, (f)loat, (b)oolean, (n)othing.
    Column("value", Text, nullable=False),
    Column("kind", String(1), nullable=False),
    # The value as a number, where it is one, so that runs can be ordered by it.
    Column("number", Double, nullable=True),
    PrimaryKeyConstraint("run_no", "key"),
    sqlite_with_rowid=False,
)

run_metrics = Table(
    "run_metrics",
    metadata,
    Column("run_no", BigInteger, nullable=False),
    Column("key", String(255), nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("is_nan", SmallInteger, nullable=False),
    # A point that is sent twice is one point: a client may repeat what was not acknowledged.
    PrimaryKeyConstraint("run_no", "key", "step", "time_ms", "value", "is_nan"),
    sqlite_with_rowid=False,
)

run_latest_metrics = Table(
    "run_latest_metrics",
    metadata,
    Column("run_no", BigInteger, nullable=False),
    Column("key", String(255), nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("is_nan", SmallInteger, nullable=False),
    Column("experiment_no", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_no", "key"),
    # Made for searches: the runs of an experiment by the value of one metric.
    Index(None, "experiment_no", "key", "is_nan", "value", "run_no"),
    sqlite_with_rowid=False,
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_no", BigInteger, nullable=False),
    Column("key", String(255), nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("run_no", "key"),
    sqlite_with_rowid=False,
)

run_datasets = Table(
    "run_datasets",
    metadata,
    Column("no", _NUMBER, primary_key=True, autoincrement=True),
    Column("experiment_no", BigInteger, nullable=False),
    Column("name", String(500), nullable=False),
    Column("digest", String(36), nullable=False),
    Column("source_type", String(500), nullable=False),
    Column("source", Text, nullable=False),
    Column("schema", Text, nullable=True),
    Column("profile", Text, nullable=True),
    UniqueConstraint("experiment_no", "name", "digest"),
)

run_dataset_inputs = Table(
    "run_dataset_inputs",
    metadata,
    Column("run_no", BigInteger, nullable=False),
    Column("dataset_no", BigInteger, nullable=False),
    Column("context", String(500), nullable=True),
    Column("tags", Text, nullable=False),
    PrimaryKeyConstraint("run_no", "dataset_no"),
)

run_models = Table(
    "run_models",
    metadata,
    Column("run_no", BigInteger, nullable=False),
    Column("model", String(100), nullable=False),
    # "input" or "output"
    Column("direction", String(6), nullable=False),
    Column("step", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_no", "model", "direction"),
)

run_artifacts = Table(
    "run_artifacts",
    metadata,
    Column("run", String(32), ForeignKey("runs.id"), nullable=False),
    Column("name", String(250), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("media_type", String(120), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("run", "name"),
    Index(None, "digest"),
)
