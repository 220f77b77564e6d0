"""What a graph of models is written as: named nodes, each a model, a function or a way to join others.

Every node has a name, and what it gives is known by ``node.output`` or, of several that give an
output of the same name, by ``output`` alone: then the latest counts.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from millwright.kernel.config_types import Name
from millwright.kernel.model_package import Kind
from millwright.kernel.record import Record

ROOT = "root"
"""The node that a request begins at."""
Combine = Literal["mean", "median", "least", "most", "vote"]
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
_NODES = 100
_FUNCTION = r"^(?:[A-Za-z_][A-Za-z0-9_]*\.py|[A-Za-z_][A-Za-z0-9_.]*):[A-Za-z_][A-Za-z0-9_]*$"


class Case(Record):
    """One way of a switch."""

    when: Annotated[str, Field(min_length=1, max_length=1000)]
    """A condition on what is known of a row: ``distance > 500 and carrier in ["AA", "UA"]``."""
    then: Name
    """The node that takes the rows of which it is true."""


class NodeSpec(Record):
    """One node: exactly one of ``model``, ``function``, ``sequence``, ``ensemble``, ``splitter`` and
    ``switch`` says what it does."""

    model: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """A package folder, or ``MODEL@ALIAS`` (``MODEL@3``) of the registry."""
    of: Annotated[str, Field(max_length=1000)] | None = None
    """Of a model in a package: which version of the registry it is, for people."""
    function: Annotated[str, Field(pattern=_FUNCTION)] | None = None
    """``FILE.py:NAME`` beside the graph, or ``package.module:NAME``."""
    takes: tuple[str, ...] | dict[str, str] = ()
    """Of a function: the columns that it gets. Of a model or a function: what each of its columns is
    called in the graph, where that is something else."""
    gives: dict[str, Kind] = Field(default_factory=dict)
    """Of a function: the columns that it returns, and their kinds."""
    sequence: tuple[Name, ...] | None = None
    """Nodes that run one after the other; each knows what those before it gave."""
    ensemble: tuple[Name, ...] | None = None
    """Nodes that all run on the same rows."""
    combine: Combine | None = None
    """Of an ensemble: one answer of all of theirs. Without it, all are known."""
    weights: dict[Name, Weight] | None = None
    """Of an ensemble with ``combine: mean``: how much each counts; one each by default."""
    splitter: dict[Name, Weight] | None = None
    """Nodes by their part of the rows."""
    by: str | None = None
    """Of a splitter: the column whose equal values always go the same way; by default all of them."""
    switch: tuple[Case, ...] | None = None
    """Ways of the rows of which a condition is true, the first that is."""
    otherwise: Name | None = None
    """Of a switch: the node that takes all other rows."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> NodeSpec:
        kinds = [kind for kind in _ALONGSIDE if getattr(self, kind) is not None]
        if len(kinds) != 1:
            said = " and ".join(kinds) or "nothing"
            raise ValueError(f"a node is one of {', '.join(_ALONGSIDE)}, and this is {said}")
        kind = kinds[0]
        allowed = _ALONGSIDE[kind]
        for name in ("takes", "of", "gives", "combine", "weights", "by", "otherwise"):
            if getattr(self, name) and name not in allowed:
                raise ValueError(f"a node that is a {kind} has no '{name}'")
        if kind in ("sequence", "ensemble", "splitter", "switch") and not getattr(self, kind):
            raise ValueError(f"the {kind} names no node")
        if kind == "model" and self.takes and not isinstance(self.takes, dict):
            raise ValueError("'takes' of a model says what its columns are called in the graph")
        if kind == "function" and not self.gives:
            raise ValueError("a function says under 'gives' which columns it returns")
        if kind == "switch" and self.otherwise is None:
            raise ValueError("a switch says under 'otherwise' which node takes all other rows")
        if self.splitter is not None and sum(self.splitter.values()) <= 0.0:
            raise ValueError("no way of the splitter has a weight")
        if self.weights is not None and (
            self.combine != "mean" or set(self.weights) != set(self.ensemble or ())
        ):
            raise ValueError("weights name each node of an ensemble that is combined by its mean")
        return self


_ALONGSIDE: dict[str, tuple[str, ...]] = {
    "model": ("takes", "of"),
    "function": ("takes", "gives"),
    "sequence": (),
    "ensemble": ("combine", "weights"),
    "splitter": ("by",),
    "switch": ("otherwise",),
}
"""What a node is, and what else it may say then."""


class GraphSpec(Record):
    """A graph of models: where a request begins, and what it answers."""

    graph: Name
    """Its name, under which it is asked."""
    version: Annotated[int, Field(ge=0)] = 0
    inputs: dict[str, Kind] = Field(default_factory=dict)
    """Columns that callers send; by default those that its nodes need and none gives."""
    outputs: dict[str, str] = Field(default_factory=dict)
    """What it answers, each with its name in the graph; by default what ``root`` gives."""
    timeout_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Time for all nodes together; none begins after it is over."""
    nodes: dict[Name, NodeSpec]

    @field_validator("nodes")
    @classmethod
    def _bounded(cls, nodes: dict[str, NodeSpec]) -> dict[str, NodeSpec]:
        if ROOT not in nodes:
            raise ValueError(f"no node is called '{ROOT}', which is where a request begins")
        if len(nodes) > _NODES:
            raise ValueError(f"there are {len(nodes)} nodes, and at most {_NODES} may be")
        dotted = next((name for name in nodes if "." in name), None)
        if dotted is not None:
            raise ValueError(f"the name '{dotted}' of a node has a dot, which divides node.output")
        return nodes

    @property
    def models(self) -> dict[str, str]:
        """Where the model of each node that has one comes from."""
        return {name: node.model for name, node in self.nodes.items() if node.model is not None}
