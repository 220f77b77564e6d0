"""Names of lineage nodes: each room says how its own ids read, where the UI shows them, and which
thing a person means."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, select

from millwright.kernel.errors import NotFound
from millwright.kernel.record import Record
from millwright.kernel.tables import lineage, lineage_nodes


class LineageNode(Record):
    """One thing in the lineage graph, named for people."""

    id: str
    kind: str
    label: str
    href: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    """What is known of things that have no table of their own: an external job, a set of
    features."""


Describe = Callable[[Connection, str, list[str]], dict[str, LineageNode]]
"""Takes a project and ids of one kind; returns the node by full name (``kind:id``)."""
Find = Callable[[Connection, str, str], list[str]]
"""Takes a project and what a person wrote; returns the ids it means, none where it means nothing of
this kind."""

_describers: dict[str, Describe] = {}
_finders: dict[str, Find] = {}
_lasting: set[str] = set()
_anew: set[str] = set()


def describes(
    kind: str, *, lasting: bool = False, anew: bool = False
) -> Callable[[Describe], Describe]:
    """Register the describer of a kind of node: ``@describes("model-version")``.

    Args:
        kind: what stands before the colon.
        lasting: such a thing outlives what passes through it (a deployment); see
            ``kernel.lineage``.
        anew: what comes of such a thing is made of other data (a retraining): a wrong table does
            not reach it this way.
    """

    def add(describe: Describe) -> Describe:
        _describers[kind] = describe
        if lasting:
            _lasting.add(kind)
        if anew:
            _anew.add(kind)
        return describe

    return add


def finds(kind: str) -> Callable[[Find], Find]:
    """Register who knows which nodes of a kind people mean by a name: ``@finds("dataset")``."""

    def add(find: Find) -> Find:
        _finders[kind] = find
        return find

    return add


def lasting_kinds() -> frozenset[str]:
    """The kinds that a walk arrives at and does not pass through."""
    return frozenset(_lasting)


def ends_of_impact() -> frozenset[str]:
    """The kinds beyond which data that is wrong does no harm."""
    return frozenset(_lasting | _anew)


def describe_nodes(connection: Connection, project: str, names: list[str]) -> list[LineageNode]:
    """The nodes with these full names, in the same order; unknown ones keep their id as label."""
    by_kind: dict[str, list[str]] = {}
    for name in names:
        kind, _, identifier = name.partition(":")
        by_kind.setdefault(kind, []).append(identifier)
    known: dict[str, LineageNode] = {}
    for kind, identifiers in by_kind.items():
        describe = _describers.get(kind, _written(kind))
        for place in range(0, len(identifiers), 500):
            known.update(describe(connection, project, identifiers[place : place + 500]))
    return [known.get(name) or _plain(name) for name in names]


def find_nodes(connection: Connection, project: str, subject: str) -> list[str]:
    """The nodes that a person means: ``flights@3``, ``deployment:late``, ``run:ID``, an id's end.

    Without a kind the kinds are asked in the order in which data flows, and the first that knows
    the name answers.

    Raises:
        NotFound: nothing is called that.
    """
    kind, colon, text = subject.partition(":")
    if colon:
        finder = _finders.get(kind)
        found = [] if finder is None else finder(connection, project, text)
        if found:
            return [f"{kind}:{identifier}" for identifier in found]
        if _in_graph(connection, project, subject):
            return [subject]
    else:
        for each, finder in _finders.items():
            found = finder(connection, project, subject)
            if found:
                return [f"{each}:{identifier}" for identifier in found]
    raise NotFound(
        "lineage.unknown_subject",
        f"Nothing in the project '{project}' is called '{subject[:200]}'.",
        hint=f"Name a {', '.join(_finders)}: DATASET@VERSION, MODEL@VERSION, DEPLOYMENT or an id; "
        "a kind in front (run:ID) says which is meant.",
        value=subject,
    )


def _in_graph(connection: Connection, project: str, node: str) -> bool:
    for end in (lineage.c.source, lineage.c.target):
        query = select(lineage.c.event).where(lineage.c.project == project, end == node).limit(1)
        if connection.execute(query).first() is not None:
            return True
    query = select(lineage_nodes.c.event).where(
        lineage_nodes.c.project == project, lineage_nodes.c.node == node
    )
    return connection.execute(query).first() is not None


def _written(kind: str) -> Describe:
    """Describes nodes by what was written of them when they came into the graph."""

    def describe(connection: Connection, project: str, ids: list[str]) -> dict[str, LineageNode]:
        names = [f"{kind}:{identifier}" for identifier in ids]
        query = select(lineage_nodes).where(
            lineage_nodes.c.project == project, lineage_nodes.c.node.in_(names)
        )
        return {
            row.node: LineageNode(
                id=row.node, kind=kind, label=row.label, details=json.loads(row.details)
            )
            for row in connection.execute(query)
        }

    return describe


def _plain(name: str) -> LineageNode:
    kind, _, identifier = name.partition(":")
    return LineageNode(id=name, kind=kind, label=f"{kind} {identifier[-8:]}")
