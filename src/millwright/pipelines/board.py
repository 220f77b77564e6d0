"""The state of a run in the engine: which nodes are done, which can run, which never will.

Pure: values that decide conditions are asked of a function. Nodes that only the run can know (items
of a map, turns of a loop) are entered as they come.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.fingerprint import Recipe
from millwright.pipelines.graph import SINGLE, Graph, Node, Reference, Setting
from millwright.pipelines.steps import Step

USUAL = Setting()


@dataclass(slots=True)
class Live:
    """One node on its way."""

    node: Node
    step: Step[..., Any] | None
    recipe: Recipe | None
    position: int
    parent: str | None = None
    waiting_for: int = 0
    attempt: int = 0
    """How often it was started in this run, by whomever."""
    tries: int = 0
    """How often it failed in this execution."""
    lost: int = 0
    """How often the worker that ran it was lost."""
    key: str | None = None
    recipe_key: str | None = None
    reason: tuple[str, ...] = ()
    started_ms: int | None = None
    children: int = 0
    """How many parts of a map are not done yet."""

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def setting(self) -> Setting:
        """How it wants to be run."""
        return self.node.setting or USUAL


@dataclass
class Board:
    """All nodes of a run."""

    graph: Graph
    lives: dict[str, Live] = field(default_factory=dict)
    artifacts: dict[Reference, Artifact] = field(default_factory=dict)
    digests: dict[Reference, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    _ready: list[tuple[int, int, str]] = field(default_factory=list)
    _dependents: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, graph: Graph, steps: Mapping[str, Step[..., Any]], recipes: Mapping[str, Recipe]
    ) -> Board:
        """The board of a graph nothing of which is done."""
        board = cls(graph)
        for place, node in enumerate(graph.nodes):
            live = Live(node, steps.get(node.name), recipes.get(node.name), place)
            board.enter(live)
        return board

    def enter(self, live: Live) -> None:
        """Add a node; it is ready once all it waits for has ended."""
        self.lives[live.name] = live
        # A part of a map begins while its map is not done yet.
        others = live.node.needs - {live.parent}
        open_needs = [needed for needed in others if not self.has_ended(needed)]
        live.waiting_for = len(open_needs)
        for needed in open_needs:
            self._dependents.setdefault(needed, []).append(live.name)
        if not open_needs:
            self.make_ready(live)

    def make_ready(self, live: Live) -> None:
        """Put a node among those that can run; by priority, then in the graph's order."""
        heapq.heappush(self._ready, (-live.setting.priority, live.position, live.name))

    def next(self) -> Live | None:
        """The node to run next, None if all wait for others."""
        while self._ready:
            live = self.lives[heapq.heappop(self._ready)[2]]
            if not self.has_ended(live.name):
                return live
        return None

    def has_ended(self, name: str) -> bool:
        """Whether a node is done or skipped."""
        return name in self.done or name in self.skipped

    def settle(self, name: str, outputs: Mapping[str, Artifact]) -> None:
        """A node is done; what waited for it may be ready."""
        for output, artifact in outputs.items():
            reference = Reference(name, output)
            self.artifacts[reference] = artifact
            self.digests[reference] = artifact.digest
        self.done.add(name)
        self._wake(name)

    def skip(self, name: str, reason: str) -> None:
        """A node will not run; what waited for it decides for itself."""
        self.skipped[name] = reason
        self._wake(name)

    def verdict(self, live: Live, truth: Callable[[Reference], bool]) -> str | None:
        """Why a node that is ready is to be skipped, None if it is to run."""
        for one in live.node.when:
            if one.node in self.skipped:
                return f"{one.node}, which decides about it, was skipped"
            if truth(Reference(one.node, one.output)) != one.expected:
                return f"{one.node} was {'false' if one.expected else 'true'}"
        missing = [need.node for need in _data_needs(live.node) if need.node in self.skipped]
        if live.node.kind == "either":
            return f"{missing[0]} was skipped" if len(missing) == 2 else None
        return f"{missing[0]} was skipped" if missing else None

    def chosen(self, live: Live) -> Reference | None:
        """Of an ``either``, the reference that has a value."""
        for needed in _data_needs(live.node):
            if needed.node not in self.skipped:
                return needed
        return None

    def recipe_keys(self) -> dict[str, str]:
        """A key by node that is known before anything runs."""
        keys: dict[str, str] = {}
        for node in self.graph.nodes:
            recipe = self.lives[node.name].recipe
            if recipe is not None:
                keys[node.name] = recipe.recipe_key(keys)
                self.lives[node.name].recipe_key = keys[node.name]
            else:
                above = [keys.get(need.node, need.node) for need in _data_needs(node)]
                keys[node.name] = f"{node.kind}({' '.join(above)})"
        return keys

    def _wake(self, name: str) -> None:
        for dependent in self._dependents.pop(name, ()):
            live = self.lives[dependent]
            live.waiting_for -= 1
            if live.waiting_for == 0:
                self.make_ready(live)


def _data_needs(node: Node) -> list[Reference]:
    return list(node.references().values())


def single(artifact: Artifact) -> dict[str, Artifact]:
    """The outputs of a node that has one."""
    return {SINGLE: artifact}
