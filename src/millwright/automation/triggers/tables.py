"""The tables of triggers.

The primary key of ``trigger_firings`` is why an occurrence that is told twice starts one run.
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

triggers = Table(
    "triggers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project", String(100), nullable=False),
    Column("name", String(100), nullable=False),
    Column("declared", Boolean, nullable=False),
    Column("config", Text, nullable=False),
    Column("paused", Boolean, nullable=False),
    # The key that senders sign with: it leaves this table only into comparisons.
    Column("secret", String(200), nullable=True),
    # The last event of the log that was looked at.
    Column("seen", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("project", "name"),
)

trigger_firings = Table(
    "trigger_firings",
    metadata,
    Column("trigger_id", String(32), ForeignKey("triggers.id"), nullable=False),
    Column("key", String(300), nullable=False),
    Column("run_id", String(32), nullable=True),
    Column("reason", Text, nullable=True),
    Column("cause", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("trigger_id", "key"),
    Index(None, "trigger_id", "created_ms"),
)
