"""What a pipeline will do, as plain data: nodes in an order in which they can run."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue, model_validator

from millwright.kernel.errors import InvalidInput
from millwright.kernel.record import Record
from millwright.pipelines.values import TAG

OUTPUT = "output"
"""The tag of a reference inside a tree of arguments."""


class Reference(Record):
    """One output of one node."""

    node: str
    output: str

    def tree(self) -> dict[str, JsonValue]:
        """The reference as it stands in a tree of arguments."""
        return {TAG: OUTPUT, "node": self.node, "output": self.output}


class Node(Record):
    """One call of a step.

    ``inputs`` holds an encoded tree (``values.encode``) per argument, in which references stand
    for what other nodes make.
    """

    name: str
    step: str
    """``module:attribute`` of the step's function."""
    inputs: dict[str, JsonValue]
    outputs: tuple[str, ...]
    retries: int = 0
    timeout_ms: int | None = None
    cache: bool = True

    def references(self) -> dict[str, Reference]:
        """What the node needs, by ``argument`` or, inside a collection, ``argument[i]``."""
        found: dict[str, Reference] = {}
        for argument, tree in self.inputs.items():
            inside = list(references(tree))
            if is_reference(tree):
                found[argument] = inside[0]
            else:
                found |= {f"{argument}[{i}]": reference for i, reference in enumerate(inside)}
        return found


class Graph(Record):
    """A planned pipeline. Nodes refer only to nodes before them, so the order is topological.

    Raises:
        InvalidInput: two nodes have one name, or a node needs what no earlier node makes.
    """

    pipeline: str
    parameters: dict[str, JsonValue]
    nodes: tuple[Node, ...]
    result: JsonValue = None
    """What the pipeline's function returned, encoded, with references inside."""

    @model_validator(mode="after")
    def _ordered(self) -> Graph:
        made: set[tuple[str, str]] = set()
        names: set[str] = set()
        for node in self.nodes:
            if node.name in names:
                raise InvalidInput(
                    "pipelines.duplicate_step", f"Two steps are named {node.name!r}."
                )
            for argument, needed in node.references().items():
                _require(needed, made, f"The input {argument!r} of step {node.name!r}")
            names.add(node.name)
            made |= {(node.name, output) for output in node.outputs}
        for needed in references(self.result):
            _require(needed, made, "The pipeline's result")
        return self

    def node(self, name: str) -> Node:
        """The node of that name; KeyError if there is none."""
        return self._by_name[name]

    @property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def downstream(self, name: str) -> tuple[str, ...]:
        """All nodes that need, directly or not, what ``name`` makes, in order."""
        reached = {name}
        for node in self.nodes:
            if any(needed.node in reached for needed in node.references().values()):
                reached.add(node.name)
        return tuple(node.name for node in self.nodes if node.name in reached - {name})


def is_reference(tree: JsonValue) -> bool:
    """Whether a tree is itself a reference, rather than holding some."""
    return isinstance(tree, dict) and tree.get(TAG) == OUTPUT


def references(tree: JsonValue) -> Iterator[Reference]:
    """The references inside a tree, left to right."""
    if isinstance(tree, list):
        for item in tree:
            yield from references(item)
    elif isinstance(tree, dict):
        if tree.get(TAG) == OUTPUT:
            yield Reference(node=str(tree["node"]), output=str(tree["output"]))
            return
        for item in tree.values():
            yield from references(item)


def _require(needed: Reference, made: set[tuple[str, str]], who: str) -> None:
    if (needed.node, needed.output) not in made:
        raise InvalidInput(
            "pipelines.missing_input",
            f"{who} is the output {needed.output!r} of {needed.node!r}, which no earlier step of "
            "this pipeline makes.",
            hint="Use only outputs of steps called before, in the same pipeline.",
        )
