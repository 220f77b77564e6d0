"""A graph checked and compiled: every name resolved and every kind compared before anybody asks.

A plan is made of functions from a frame to columns, one for each place where a node is used. What
can be wrong is said here, with the node that is: circles, nodes and columns that are not there,
kinds and shapes that do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import Field, Kind, Manifest
from millwright.serving.graph.conditions import Condition
from millwright.serving.graph.frame import Columns, Frame, Gives
from millwright.serving.graph.joining import joiner, put_together
from millwright.serving.graph.spec import ROOT, GraphSpec, NodeSpec
from millwright.serving.outcome import Output
from millwright.serving.traffic import Split

Run = Callable[[Frame], Columns]


class Source(NamedTuple):
    """Where a column of a node comes from: its name in the graph, and its kind."""

    column: str
    kind: Kind


Leaf = Callable[[str, Mapping[str, Source], Frame], Columns]
"""Runs the model or function of a node on a frame."""
_MOST_USES = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """A graph that is sound.

    Attributes:
        inputs: what callers send.
        gives: what they get, and under which names of the graph (``names``).
        run: what ``root`` does.
    """

    inputs: tuple[Field, ...]
    gives: Gives
    names: tuple[str, ...]
    run: Run


class _Scope:
    """What is known at one place of the graph."""

    def __init__(self, known: Mapping[str, Output]) -> None:
        self.known = dict(known)

    def add(self, node: str, gives: Gives) -> None:
        for one in gives.outputs:
            self.known[one.name] = self.known[f"{node}.{one.name}"] = one

    def apart(self) -> _Scope:
        return _Scope(self.known)


class _Planner:
    def __init__(self, spec: GraphSpec, manifests: Mapping[str, Manifest], leaf: Leaf) -> None:
        self.spec = spec
        self.manifests = manifests
        self.leaf = leaf
        self.inputs = {name: Field(name=name, kind=kind) for name, kind in spec.inputs.items()}
        self._open = not spec.inputs
        self._path: list[str] = []
        self._uses = 0

    def plan(self, name: str, scope: _Scope, asked_by: str) -> tuple[Run, Gives]:
        """The node ``name`` at a place where ``scope`` is known; what it gives is added there."""
        node = self.spec.nodes.get(name)
        if node is None:
            guess = nearest(name, self.spec.nodes)
            raise _wrong(
                f"Node '{asked_by}' names '{name}', and there is no such node",
                f"Did you mean '{guess}'?" if guess else f"Nodes: {', '.join(self.spec.nodes)}.",
            )
        if name in self._path:
            circle = " -> ".join([*self._path[self._path.index(name) :], name])
            raise _wrong(
                f"The nodes {circle} run in a circle", "Let each node name later ones only."
            )
        self._uses += 1
        if self._uses > _MOST_USES:
            raise _wrong(f"Its nodes are used more than {_MOST_USES} times", "Name fewer ways.")
        self._path.append(name)
        if node.model is not None:
            run, gives = self._model(name, node, scope)
        elif node.function is not None:
            run, gives = self._function(name, node, scope)
        elif node.sequence is not None:
            run, gives = self._sequence(name, node.sequence, scope)
        elif node.ensemble is not None:
            run, gives = self._ensemble(name, node, node.ensemble, scope)
        elif node.splitter is not None:
            run, gives = self._splitter(name, node, node.splitter, scope)
        else:
            run, gives = self._switch(name, node, scope)
        self._path.pop()
        scope.add(name, gives)
        return _known_as(name, run), gives

    def _model(self, name: str, node: NodeSpec, scope: _Scope) -> tuple[Run, Gives]:
        manifest = self.manifests[name]
        renamed = node.takes if isinstance(node.takes, dict) else {}
        fields = [field.name for field in manifest.signature]
        odd = next((one for one in renamed if one not in fields), None)
        if odd is not None:
            raise _wrong(
                f"Node '{name}': its model {manifest.model} takes no '{odd}'",
                f"It takes: {', '.join(fields)[:300]}.",
            )
        sources = {}
        for field in manifest.signature:
            source = renamed.get(field.name, field.name)
            self._need(name, source, field, scope)
            sources[field.name] = Source(source, field.kind)
        return self._leaf(name, sources), Gives.of_model(manifest)

    def _function(self, name: str, node: NodeSpec, scope: _Scope) -> tuple[Run, Gives]:
        takes = node.takes if isinstance(node.takes, dict) else {one: one for one in node.takes}
        sources = {}
        for column, source in takes.items():
            known: Output | Field | None = scope.known.get(source) or self.inputs.get(source)
            if known is None:
                raise self._unknown(name, source, scope)
            sources[column] = Source(source, known.kind)
        outputs = tuple(Output(one, kind) for one, kind in node.gives.items())
        return self._leaf(name, sources), Gives(outputs)

    def _leaf(self, name: str, sources: Mapping[str, Source]) -> Run:
        leaf = self.leaf

        def run(frame: Frame) -> Columns:
            frame.refuse_if_late(name)
            return leaf(name, sources, frame)

        return run

    def _sequence(self, name: str, steps: Sequence[str], scope: _Scope) -> tuple[Run, Gives]:
        planned = [self.plan(step, scope, name) for step in steps]
        runs = [run for run, _ in planned]

        def run(frame: Frame) -> Columns:
            given: Columns = {}
            for one in runs:
                given = one(frame)
            return given

        return run, planned[-1][1]

    def _ensemble(
        self, name: str, node: NodeSpec, members: Sequence[str], scope: _Scope
    ) -> tuple[Run, Gives]:
        planned = []
        places = [scope.apart() for _ in members]
        for member, place in zip(members, places, strict=True):
            planned.append(self.plan(member, place, name))
        if node.combine is None:
            return self._side_by_side(members, planned)
        gives = self._the_same(name, members, [gives for _, gives in planned])
        weights = [1.0 if node.weights is None else node.weights[one] for one in members]
        if sum(weights) <= 0.0:
            raise _wrong(f"Node '{name}': no node of the ensemble has a weight", "Raise one.")
        join = joiner(name, node.combine, gives, weights)
        return lambda frame: join([run(frame.apart()) for run, _ in planned]), gives

    @staticmethod
    def _side_by_side(
        members: Sequence[str], planned: Sequence[tuple[Run, Gives]]
    ) -> tuple[Run, Gives]:
        outputs = tuple(
            one._replace(name=f"{member}.{one.name}")
            for member, (_, gives) in zip(members, planned, strict=True)
            for one in gives.outputs
        )

        def run(frame: Frame) -> Columns:
            given: Columns = {}
            for member, (one, _) in zip(members, planned, strict=True):
                for name, values in one(frame.apart()).items():
                    given[f"{member}.{name}"] = values
            return given

        return run, Gives(outputs)

    def _splitter(
        self, name: str, node: NodeSpec, ways: Mapping[str, float], scope: _Scope
    ) -> tuple[Run, Gives]:
        by = node.by
        if by is not None and by not in scope.known and by not in self.inputs:
            raise self._unknown(name, by, scope)
        names = list(ways)
        planned = [self.plan(way, scope.apart(), name) for way in names]
        gives = self._the_same(name, names, [gives for _, gives in planned])
        runs = [run for run, _ in planned]
        split = Split(f"{self.spec.graph}/{name}", names, list(ways.values()))
        inputs = self.inputs

        def which(frame: Frame) -> list[int]:
            columns = [frame.columns[one] for one in ([by] if by is not None else inputs)]
            return [split.index_of(repr(values)) for values in zip(*columns, strict=True)]

        return lambda frame: _each_its_way(frame, which(frame), runs), gives

    def _switch(self, name: str, node: NodeSpec, scope: _Scope) -> tuple[Run, Gives]:
        assert node.switch is not None
        assert node.otherwise is not None
        inputs = {one.name: Output(one.name, one.kind) for one in self.inputs.values()}
        kinds: dict[str, Kind] = {
            key: one.kind for key, one in {**inputs, **scope.known}.items() if not one.width
        }
        try:
            conditions = [Condition(case.when, kinds) for case in node.switch]
        except InvalidInput as error:
            hint = error.hint if kinds or not self._open else _SAY_INPUTS
            raise _wrong(f"Node '{name}': {error.message.removesuffix('.')}", hint) from error
        names = [*(case.then for case in node.switch), node.otherwise]
        planned = [self.plan(way, scope.apart(), name) for way in names]
        gives = self._the_same(name, names, [gives for _, gives in planned])
        runs = [run for run, _ in planned]

        def which(frame: Frame) -> list[int]:
            ways = [len(conditions)] * frame.count
            for index in range(len(conditions) - 1, -1, -1):
                columns = [frame.columns[one] for one in conditions[index].columns]
                test = conditions[index].test
                for row, values in enumerate(zip(*columns, strict=True)):
                    if test(values):
                        ways[row] = index
            return ways

        return lambda frame: _each_its_way(frame, which(frame), runs), gives

    def _need(self, node: str, source: str, field: Field, scope: _Scope) -> None:
        """Hold a model's field to the column that it is fed with, which may be one callers send."""
        known = scope.known.get(source)
        if known is not None:
            if known.width or known.kind != field.kind:
                shape = f" of {known.width} numbers" if known.width else ""
                raise _wrong(
                    f"Node '{node}' takes '{field.name}' as {field.kind}, and '{source}' is "
                    f"{known.kind}{shape}",
                    "Turn it into the other in a function, or feed it with another column.",
                )
            return
        given = self.inputs.get(source)
        if given is None:
            if not self._open or "." in source:
                raise self._unknown(node, source, scope)
            given = Field(name=source, kind=field.kind)
        if given.kind != field.kind:
            raise _wrong(
                f"Node '{node}' takes '{field.name}' as {field.kind}, and the input '{source}' is "
                f"{given.kind}",
                "Turn it into the other in a function, or name it otherwise under 'takes'.",
            )
        nullable = given.nullable and field.nullable
        self.inputs[source] = given.model_copy(update={"nullable": nullable})

    def _the_same(self, name: str, ways: Sequence[str], gives: Sequence[Gives]) -> Gives:
        """What all ways of a node give; raises where they differ."""
        first = gives[0]
        for way, other in zip(ways[1:], gives[1:], strict=True):
            if set(other.outputs) != set(first.outputs):
                raise _wrong(
                    f"Node '{name}': its ways give different outputs, '{ways[0]}' "
                    f"{_shown(first)} and '{way}' {_shown(other)}",
                    "Join a function to one of them that gives what the other does.",
                )
            ours, theirs = first.answers, other.answers
            if ours and theirs and (ours.task, ours.classes) != (theirs.task, theirs.classes):
                raise _wrong(
                    f"Node '{name}': its ways answer different questions, '{ways[0]}' one of "
                    f"{', '.join(ours.classes) or ours.task} and '{way}' one of "
                    f"{', '.join(theirs.classes) or theirs.task}",
                    "Use models that were trained on the same target.",
                )
        same = all(one.answers is not None for one in gives)
        return first if same else Gives(first.outputs)

    def _unknown(self, node: str, column: str, scope: _Scope) -> InvalidInput:
        known = {**self.inputs, **scope.known}
        guess = nearest(column, known)
        hint = f"Did you mean '{guess}'?" if guess else f"Known there: {', '.join(known)[:300]}."
        return _wrong(
            f"Node '{node}' takes '{column}', which nothing before it gives",
            _SAY_INPUTS if not known else hint,
        )


_SAY_INPUTS = "Say under 'inputs' which columns callers send, and of what kind."


def plan(spec: GraphSpec, manifests: Mapping[str, Manifest], leaf: Leaf) -> Plan:
    """The plan of a graph whose models have these manifests, by node.

    Raises:
        InvalidInput: it is not sound; the message names the node and why.
    """
    planner = _Planner(spec, manifests, leaf)
    scope = _Scope({})
    run, gives = planner.plan(ROOT, scope, "the graph")
    unused = set(spec.nodes) - _reached(spec)
    if unused:
        raise _wrong(
            f"Nothing names the node '{min(unused)}'", "Name it in a sequence, or remove it."
        )
    if not planner.inputs:
        raise _wrong("None of its nodes takes a column that callers send", _SAY_INPUTS)
    inputs = tuple(planner.inputs.values())
    if not spec.outputs:
        return Plan(inputs, gives, tuple(one.name for one in gives.outputs), run)
    known = {**{one.name: Output(one.name, one.kind) for one in inputs}, **scope.known}
    chosen = []
    for name, source in spec.outputs.items():
        found = known.get(source)
        if found is None:
            guess = nearest(source, known)
            raise _wrong(
                f"The output '{name}' is to be '{source}', which no node gives",
                f"Did you mean '{guess}'?" if guess else f"Known: {', '.join(known)[:300]}.",
            )
        chosen.append(found._replace(name=name))
    return Plan(inputs, Gives(tuple(chosen)), tuple(spec.outputs.values()), run)


def _reached(spec: GraphSpec) -> set[str]:
    found, waiting = set(), [ROOT]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        node = spec.nodes[name]
        waiting += [*(node.sequence or ()), *(node.ensemble or ()), *(node.splitter or ())]
        waiting += [case.then for case in node.switch or ()]
        waiting += [node.otherwise] if node.otherwise is not None else []
    return found


def _known_as(name: str, run: Run) -> Run:
    def known(frame: Frame) -> Columns:
        given = run(frame)
        frame.add(name, given)
        return given

    return known


def _each_its_way(frame: Frame, ways: Sequence[int], runs: Sequence[Run]) -> Columns:
    """Every row through the run of its way, and all of them in their order again."""
    taken = sorted(set(ways))
    if len(taken) == 1:
        return runs[taken[0]](frame.apart())
    parts = []
    for way in taken:
        rows = [row for row, its in enumerate(ways) if its == way]
        parts.append((rows, runs[way](frame.part(rows))))
    return put_together(parts, frame.count)


def _shown(gives: Gives) -> str:
    return ", ".join(f"{one.name} ({one.kind})" for one in gives.outputs)


def _wrong(why: str, hint: str | None) -> InvalidInput:
    return InvalidInput("serving.graph", f"The graph is not usable: {why}.", hint=hint)
