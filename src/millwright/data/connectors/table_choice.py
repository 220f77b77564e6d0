"""What is read of a database: one table, or one query."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from millwright.data.connectors.records import SourceOptions
from millwright.kernel.errors import InvalidInput, MillwrightError

_NAMED = 12


def check_choice(options: SourceOptions, tables: Callable[[], list[str]]) -> None:
    """Refuse options that name no table and no query, or both.

    Args:
        options: what was asked for.
        tables: the tables that there are; called only to tell somebody who named none.

    Raises:
        InvalidInput: they name neither or both.
    """
    if (options.table is None) != (options.query is None):
        return
    names: list[str] = []
    if options.table is None:
        with suppress(MillwrightError):
            names = tables()
    known = f" Its tables are {', '.join(names[:_NAMED])}." if names else ""
    raise InvalidInput(
        "data.table_or_query",
        "A database is read by a table or by a query.",
        hint=f"Give either --table or --query.{known}",
    )
