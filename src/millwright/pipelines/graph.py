"""What a pipeline will do, as plain data: nodes in an order in which they can run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import Field, JsonValue, model_validator

from millwright.kernel.errors import InvalidInput
from millwright.pipelines.lean_record import Record
from millwright.pipelines.values import TAG

OUTPUT = "output"
"""The tag of a reference inside a tree of arguments."""
SINGLE = "result"
"""The name of the output of a step that has only one."""

NodeKind = Literal["step", "map", "loop", "either", "approval", "item", "turn"]
"""``map``, ``loop`` and ``either`` are done by the engine; ``item`` and ``turn`` are the steps that
the first two become, which only the run itself can know."""


class Reference(NamedTuple):
    """One output of one node."""

    node: str
    output: str

    def tree(self) -> dict[str, JsonValue]:
        """The reference as it stands in a tree of arguments."""
        return {TAG: OUTPUT, "node": self.node, "output": self.output}


class Condition(Record):
    """A node runs only if this output of another turns out to be true, or to be false."""

    node: str
    output: str = SINGLE
    expected: bool = True


class Setting(Record):
    """How a step wants to be run, where that is not the usual way."""

    backoff_ms: int = 500
    """The pause before the second try; each further pause is twice as long, less some chance."""
    isolation: Literal["auto", "inline", "process"] = "auto"
    python: str | None = None
    """The interpreter of another virtual environment."""
    packages: tuple[str, ...] = ()
    """Requirements of a virtual environment that is made for the step."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Variables of the environment the step's process gets."""
    memory_mb: int | None = None
    """The address space that the step's process may use."""
    secrets: dict[str, str] = Field(default_factory=dict)
    """By name, where a secret is to be found: ``env:NAME`` or ``file:PATH``, never its value."""
    pool: str | None = None
    slots: int = 1
    priority: int = 0


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
    kind: NodeKind = "step"
    after: tuple[str, ...] = ()
    """Nodes that come first, though nothing of theirs is needed."""
    when: tuple[Condition, ...] = ()
    over: tuple[str, ...] = ()
    """The arguments of a map that are given item by item."""
    until: str | None = None
    """The step that says whether a loop is done."""
    at_most: int = 1
    """After so many turns a loop ends."""
    message: str | None = None
    role: str | None = None
    """What an approval asks, and whom."""
    setting: Setting | None = None

    def references(self) -> dict[str, Reference]:
        """What the node needs, by ``argument`` or, inside a collection, ``argument[i]``."""
        return self._references

    @cached_property
    def _references(self) -> dict[str, Reference]:
        found: dict[str, Reference] = {}
        for argument, tree in self.inputs.items():
            if not isinstance(tree, dict | list):
                continue
            if is_reference(tree):
                found[argument] = reference_of(tree)
            else:
                inside = enumerate(references(tree))
                found |= {f"{argument}[{i}]": reference for i, reference in inside}
        return found

    @cached_property
    def needs(self) -> frozenset[str]:
        """The nodes that must have ended before this one can begin."""
        data = {reference.node for reference in self.references().values()}
        return frozenset(data | set(self.after) | {one.node for one in self.when})


class Graph(Record):
    """A planned pipeline. Nodes refer only to nodes before them, so the order is topological.

    Raises:
        InvalidInput: two nodes have one name, a node needs what none makes, or nodes need one
            another in a circle.
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
                self._require(needed, made, f"The input {argument!r} of step {node.name!r}")
            for one in node.when:
                needed = Reference(one.node, one.output)
                self._require(needed, made, f"The condition of step {node.name!r}")
            for earlier in node.after:
                if earlier not in names:
                    raise self._out_of_order(f"The step {node.name!r} comes after", earlier)
            names.add(node.name)
            made |= {(node.name, output) for output in node.outputs}
        for needed in references(self.result):
            self._require(needed, made, "The pipeline's result")
        return self

    def node(self, name: str) -> Node:
        """The node of that name; KeyError if there is none."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def downstream(self, name: str) -> tuple[str, ...]:
        """All nodes that wait, directly or not, for ``name``, in order."""
        reached = {name}
        for node in self.nodes:
            if node.needs & reached:
                reached.add(node.name)
        return tuple(node.name for node in self.nodes if node.name in reached - {name})

    def _waits_for_itself(self) -> set[str]:
        """The nodes of circles: what is left when all that can run has run."""
        left = {node.name: node.needs for node in self.nodes}
        while free := [name for name, needs in left.items() if not needs & left.keys()]:
            for name in free:
                del left[name]
        return set(left)

    def _require(self, needed: Reference, made: set[tuple[str, str]], who: str) -> None:
        if needed not in made:
            raise self._out_of_order(f"{who} is the output {needed.output!r} of", needed.node)

    def _out_of_order(self, who: str, name: str) -> InvalidInput:
        if name in self._waits_for_itself():
            return InvalidInput(
                "pipelines.cycle",
                f"{who} {name!r}, which waits for it in turn: the steps go in a circle.",
                hint="Take one of these inputs from elsewhere.",
                value=name,
            )
        return InvalidInput(
            "pipelines.missing_input",
            f"{who} {name!r}, which no earlier step of this pipeline makes.",
            hint="Use only outputs of steps called before, in the same pipeline.",
            value=name,
        )


def is_reference(tree: JsonValue) -> bool:
    """Whether a tree is itself a reference, rather than holding some."""
    return isinstance(tree, dict) and tree.get(TAG) == OUTPUT


def reference_of(tree: JsonValue) -> Reference:
    """The reference that a tree is."""
    assert isinstance(tree, dict)
    return Reference(str(tree["node"]), str(tree["output"]))


def references(tree: JsonValue) -> Iterator[Reference]:
    """The references inside a tree, left to right."""
    if isinstance(tree, list):
        for item in tree:
            yield from references(item)
    elif isinstance(tree, dict):
        if tree.get(TAG) == OUTPUT:
            yield reference_of(tree)
            return
        for item in tree.values():
            yield from references(item)
