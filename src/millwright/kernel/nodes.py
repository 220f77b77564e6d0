"""Names of lineage nodes: each room says how its own ids read and where the UI shows them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from millwright.kernel.record import Record


class LineageNode(Record):
    """One thing in the lineage graph, named for people."""

    id: str
    kind: str
    label: str
    href: str | None = None


Describe = Callable[[Connection, str, list[str]], dict[str, LineageNode]]
"""Takes a project and ids of one kind; returns the node by full name (``kind:id``)."""

_describers: dict[str, Describe] = {}


def describes(kind: str) -> Callable[[Describe], Describe]:
    """Register the describer of a kind of node: ``@describes("model-version")``."""

    def add(describe: Describe) -> Describe:
        _describers[kind] = describe
        return describe

    return add


def describe_nodes(connection: Connection, project: str, names: list[str]) -> list[LineageNode]:
    """The nodes with these full names, in the same order; unknown ones keep their id as label."""
    by_kind: dict[str, list[str]] = {}
    for name in names:
        kind, _, identifier = name.partition(":")
        by_kind.setdefault(kind, []).append(identifier)
    known: dict[str, LineageNode] = {}
    for kind, identifiers in by_kind.items():
        describe = _describers.get(kind)
        if describe is not None:
            known.update(describe(connection, project, identifiers))
    return [known.get(name) or _plain(name) for name in names]


def _plain(name: str) -> LineageNode:
    kind, _, identifier = name.partition(":")
    return LineageNode(id=name, kind=kind, label=f"{kind} {identifier[-8:]}")
