"""DuckDB as Millwright uses it: a connection of its own, bounded, that reaches nothing by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

MEMORY_LIMIT: Final = "1GB"


def open_duckdb(
    database: str = ":memory:",
    *,
    threads: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
    spill_to: Path | None = None,
    files: bool = False,
    read_only: bool = False,
) -> Any:
    """A DuckDB connection for one piece of work.

    Args:
        database: a database file; in memory when not given.
        threads: how many; as many as the machine has when not given.
        memory_limit: as DuckDB writes it.
        spill_to: a folder for what does not fit; what does not fit fails without it.
        files: whether SQL may name files of this machine. Text of users must never reach such a
            connection as SQL.
        read_only: open the database file without the right to write.

    Extensions are never fetched from the network.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "memory_limit": memory_limit,
        "preserve_insertion_order": True,
        "temp_directory": "" if spill_to is None else str(spill_to),
    }
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(database, read_only=read_only, config=config)
    connection.execute("SET TimeZone = 'UTC'")
    if not files:
        connection.execute("SET enable_external_access = false")
    return connection


def arrow_batches(relation: Any, rows: int = 1 << 16) -> Any:
    """The rows of a relation as a ``pyarrow.RecordBatchReader``, whatever DuckDB calls that."""
    read = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    return read(rows)


def engine_error() -> type[Exception]:
    """What DuckDB raises."""
    import duckdb

    return duckdb.Error
