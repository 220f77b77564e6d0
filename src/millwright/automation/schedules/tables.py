"""The tables of schedules.

The primary key of ``schedule_fires`` is why no moment fires twice, whoever looks at the clock.
"""

from __future__ import annotations

from sqlalchemy import (
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
    UniqueConstraint,
)

from millwright.kernel.tables import metadata

schedules = Table(
    "schedules",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    # Whether it stands in millwright.yaml, which then is the place to change it.
    Column("declared", Boolean, nullable=False),
    Column("config", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    # The first moment that nobody has decided upon yet; none where the schedule is over.
    Column("next_ms", BigInteger, nullable=True),
    Column("problem", Text, nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("project", "name"),
    Index(None, "paused", "next_ms"),
)

schedule_fires = Table(
    "schedule_fires",
    metadata,
    Column("schedule_id", String(32), ForeignKey("schedules.id"), nullable=False),
    Column("fire_ms", BigInteger, nullable=False),
    Column("run_id", String(32), nullable=True),
    Column("reason", Text, nullable=True),
    PrimaryKeyConstraint("schedule_id", "fire_ms"),
)

backfills = Table(
    "backfills",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("schedule_id", String(32), ForeignKey("schedules.id"), nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("end_ms", BigInteger, nullable=False),
    Column("max_active", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Index(None, "schedule_id", "id"),
)

backfill_fires = Table(
    "backfill_fires",
    metadata,
    Column("backfill_id", String(32), ForeignKey("backfills.id"), nullable=False),
    Column("fire_ms", BigInteger, nullable=False),
    Column("run_id", String(32), nullable=False),
    PrimaryKeyConstraint("backfill_id", "fire_ms"),
)
