"""How every connection to the SQLite database is set up, with SQLAlchemy or without."""

from __future__ import annotations

import os
from typing import Any


def configure(connection: Any, _record: object = None) -> None:
    """Write-ahead log, full synchronisation, foreign keys, and patience with other writers."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # Relaxed, a power failure may take the last moments; a crash of ours takes nothing either way.
    relaxed = os.environ.get("MILLWRIGHT_SYNCHRONOUS", "").lower() == "normal"
    cursor.execute(f"PRAGMA synchronous={'NORMAL' if relaxed else 'FULL'}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
