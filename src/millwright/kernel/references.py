"""Which stored objects the database refers to: read from every table, so that none is forgotten.

Garbage collection must know every reference there is. Lists kept by hand go stale the day a room
gets another column, and then bytes that somebody needs are removed; so whatever in any text or
binary column reads like a digest *is* a reference. Only the log of events does not count: it says
what there once was.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Column, Connection, LargeBinary, String, Table, func, inspect, or_, select

from millwright.kernel.tables import event_head, events, lineage, lineage_nodes, metadata

_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_HISTORY = (events.name, event_head.name, lineage.name, lineage_nodes.name)
_RAW = 32


@dataclass(frozen=True, slots=True)
class Reference:
    """A digest found in the database, and where: the table and the row's key."""

    digest: str
    table: str
    row: str
    project: str | None
    """The project of the row; None where its table does not say."""


def digests_in_text(text: str) -> list[str]:
    """Everything in a text that reads like a digest.

    >>> digests_in_text('{"a": "' + "0" * 64 + '", "b": "' + "0" * 65 + '"}') == ["0" * 64]
    True
    """
    return _DIGEST.findall(text)


def references(connection: Connection) -> Iterator[Reference]:
    """Every digest in every column of every table, one row of a table at a time.

    Digests of other things (of a token, of a cache key) are among them; they name no object, so
    nothing is kept because of them.
    """
    there = set(inspect(connection).get_table_names())
    for table in metadata.sorted_tables:
        if table.name in there and table.name not in _HISTORY:
            yield from _in_table(connection, table)


def _in_table(connection: Connection, table: Table) -> Iterator[Reference]:
    columns = [column for column in table.columns if _may_hold(column)]
    if not columns:
        return
    keys = list(table.primary_key.columns)
    long_enough = [
        func.length(column) >= (_RAW if _is_binary(column) else 2 * _RAW) for column in columns
    ]
    named = [*keys, *([table.c.project] if "project" in table.c else [])]
    query = select(*dict.fromkeys([*named, *columns])).where(or_(*long_enough))
    for row in connection.execute(query).mappings():
        found = [digest for column in columns for digest in _digests(row[column])]
        where = "/".join(str(row[key]) for key in keys)
        project = row[table.c.project] if "project" in table.c else None
        for digest in dict.fromkeys(found):
            yield Reference(digest, table.name, where, project)


def _may_hold(column: Column[object]) -> bool:
    if _is_binary(column):
        return True
    kind = column.type
    return isinstance(kind, String) and (kind.length is None or kind.length >= 2 * _RAW)


def _is_binary(column: Column[object]) -> bool:
    return isinstance(column.type, LargeBinary)


def _digests(value: object) -> list[str]:
    if isinstance(value, str):
        return digests_in_text(value)
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        return [raw.hex()] if len(raw) == _RAW else digests_in_text(raw.decode("latin-1"))
    return []
