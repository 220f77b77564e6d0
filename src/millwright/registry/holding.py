"""Who else counts on a version: rooms after this one say so, and what they hold is not deleted.

A room that uses versions registers a function with ``holds``; deleting or renaming asks them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from millwright.kernel.errors import Conflict

Holders = Callable[[Connection, str, Sequence[str]], list[str]]
"""Takes a project and version ids; returns what uses one of them, each in a few words."""

_asked: list[Holders] = []


def holds(holders: Holders) -> Holders:
    """Register a function that knows who uses versions."""
    _asked.append(holders)
    return holders


def require_free(connection: Connection, project: str, versions: Sequence[str]) -> None:
    """Refuse to go on while something uses one of the versions.

    Raises:
        Conflict: something does; the message says what.
    """
    if not versions:
        return
    found = [name for holders in _asked for name in holders(connection, project, versions)]
    if found:
        raise Conflict(
            "registry.in_use",
            f"A version of this model is used by {', '.join(found[:5])}.",
            hint="Stop that first, or let it use another version.",
            value=found,
        )
