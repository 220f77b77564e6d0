"""What of a graph another orchestrator has to know: tasks with names it takes, and their order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from blake3 import blake3
from pydantic import JsonValue

from millwright.pipelines import values
from millwright.pipelines.graph import Graph, Node

LONGEST = 50
"""Characters of a task's name: with what targets add to it, a label of at most 63 is left."""


@dataclass(frozen=True)
class ExportedTask:
    """One node as a task of another orchestrator."""

    node: Node
    name: str
    """A DNS label, of its own in the pipeline."""
    told: tuple[str, ...]
    """Nodes whose outcome it is given."""
    after: tuple[str, ...]
    """All nodes that end before it begins."""

    @property
    def asks(self) -> bool:
        """Whether it is a question to a person rather than a step."""
        return self.node.kind == "approval"


def tasks_of(graph: Graph) -> tuple[ExportedTask, ...]:
    """The tasks of a graph, in an order in which they can run."""
    questions = {node.name for node in graph.nodes if node.kind == "approval"}
    names = _unique([node.name for node in graph.nodes])
    tasks = []
    for node in graph.nodes:
        data = {reference.node for reference in node.references().values()}
        told = data | {condition.node for condition in node.when}
        tasks.append(
            ExportedTask(
                node=node,
                name=names[node.name],
                told=tuple(sorted(told - questions)),
                after=tuple(sorted(node.needs)),
            )
        )
    return tuple(tasks)


def shape_of(graph: Graph) -> str:
    """A digest of the nodes and what they need, whatever the values of parameters.

    >>> shape_of(Graph(pipeline="p", parameters={"a": 1}, nodes=())) == shape_of(
    ...     Graph(pipeline="p", parameters={"a": 2}, nodes=())
    ... )
    True
    """
    nodes: list[JsonValue] = [
        [node.name, node.step, node.kind, *sorted(node.needs)] for node in graph.nodes
    ]
    return blake3(values.canonical([graph.pipeline, nodes])).hexdigest()[:16]


def safe_name(text: str) -> str:
    """A text as a DNS label: lower-case letters, digits and hyphens.

    >>> safe_name("report/Mean_2[3]"), safe_name("…")
    ('report-mean-2-3', 'step')
    """
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].strip("-")
    return plain if plain[:1].isalpha() else f"step-{plain}".strip("-")


def _unique(names: Iterable[str]) -> dict[str, str]:
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        first = safe_name(name)
        free, count = first, 1
        while free in taken:
            count += 1
            free = f"{first}-{count}"
        taken.add(free)
        found[name] = free
    return found
