"""A graph as something that scores rows, like any model: so it is batched, logged, counted, given
weights and replaced like one.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from millwright.kernel.errors import InvalidInput, MillwrightError
from millwright.kernel.model_package import Encoding, Field, Manifest
from millwright.kernel.scoring import Scorer, read_manifest
from millwright.serving.graph.frame import Columns, Frame, Values
from millwright.serving.graph.functions import (
    Function,
    Functions,
    NodeFailed,
    as_people_write,
    checked,
)
from millwright.serving.graph.planning import Plan, Source, plan
from millwright.serving.graph.spec import GraphSpec, NodeSpec
from millwright.serving.outcome import Outcome, Output
from millwright.serving.scoring_rows import ModelRows
from millwright.serving.signature import Rows


class NodeCount:
    """What one node did since the graph was loaded; ``nanoseconds`` hold the nodes in it too."""

    __slots__ = ("failures", "nanoseconds", "rows", "runs")

    def __init__(self) -> None:
        self.runs = self.rows = self.nanoseconds = self.failures = 0


class _Model:
    """A node that is a model, compiled against its own signature."""

    def __init__(self, scorer: Scorer) -> None:
        self.manifest = scorer.manifest
        self._rows = ModelRows(scorer, scorer.manifest.signature)

    def run(self, node: str, columns: Sequence[Values], count: int) -> Columns:
        for field, values in zip(self.manifest.signature, columns, strict=True):
            if not field.nullable and None in values:
                raise InvalidInput(
                    "serving.null",
                    f"Node '{node}': '{field.name}' must not hold null, and row "
                    f"{values.index(None)} does.",
                )
        return _columns_of(self._rows.score(Rows.of_columns(columns, count)))


class Graph:
    """A loaded graph. Safe to call from several threads at once.

    Attributes:
        manifest: what it takes and answers, as that of a model.
        outputs: what it answers.
        counts: what each node did.
    """

    def __init__(
        self,
        spec: GraphSpec,
        scorers: Mapping[str, Scorer],
        functions: Mapping[str, Function],
        manifests: Mapping[str, Manifest],
    ) -> None:
        """Compile ``spec``; ``open`` finds what it needs.

        Raises:
            InvalidInput: it is not sound.
        """
        self._models = {name: _Model(scorer) for name, scorer in scorers.items()}
        self._functions = functions
        self._spec = spec
        self._lock = threading.Lock()
        self.counts = {name: NodeCount() for name in spec.nodes}
        planned = plan(spec, manifests, self._leaf)
        self._run = planned.run
        self._names = planned.names
        self.outputs: tuple[Output, ...] = planned.gives.outputs
        self.manifest = manifest_of(spec, planned)

    @classmethod
    def open(
        cls, spec: GraphSpec, folder: Path, packages: Mapping[str, Path], *, trust_code: bool
    ) -> Graph:
        """Check the graph, then load its models and functions.

        Args:
            spec: the graph.
            folder: where its functions' files are, and packages that it names relatively.
            packages: folder of the package of each node that is a model.
            trust_code: whether its functions, and packages that hold code, may run.

        Raises:
            InvalidInput: it is not sound. NotFound, Corrupt, Forbidden, Unavailable: a model or
                function of it cannot be loaded; the message names the node.
        """
        places = {name: packages.get(name, folder / place) for name, place in spec.models.items()}
        manifests = {name: _of_node(name, read_manifest, place) for name, place in places.items()}
        plan_of(spec, manifests)
        known = Functions(folder, trust_code=trust_code)
        functions = {
            name: _of_node(name, known.open, node.function)
            for name, node in spec.nodes.items()
            if node.function is not None
        }
        opened: dict[Path, Scorer] = {}
        for name, place in places.items():
            if place not in opened:
                opened[place] = _of_node(
                    name, lambda at: Scorer.open(at, trust_code=trust_code), place
                )
        scorers = {name: opened[place] for name, place in places.items()}
        return cls(spec, scorers, functions, manifests)

    def score(self, columns: Columns, count: int) -> Outcome:
        """The outcome of rows given by column.

        Raises:
            InvalidInput: a node refuses the rows. NodeFailed: it failed. Expired: the time of the
                graph was over.
        """
        ends_ns = None
        if self._spec.timeout_ms is not None:
            ends_ns = time.perf_counter_ns() + int(self._spec.timeout_ms * 1e6)
        frame = Frame(dict(columns), count, ends_ns)
        self._run(frame)
        given = tuple(frame.columns[name] for name in self._names)
        return outcome_of(self.outputs, given)

    def _leaf(self, name: str, sources: Mapping[str, Source], frame: Frame) -> Columns:
        """Run the model or function of a node, and count that."""
        began = time.perf_counter_ns()
        failed = 1
        try:
            model = self._models.get(name)
            if model is not None:
                columns = [frame.columns[source.column] for source in sources.values()]
                given = model.run(name, columns, frame.count)
            else:
                given = self._call(name, self._spec.nodes[name], sources, frame)
            failed = 0
            return given
        except MillwrightError:
            raise
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            raise _failed(name, "failed on these rows; the server's log says where") from error
        finally:
            count = self.counts[name]
            with self._lock:
                count.runs += 1
                count.rows += frame.count
                count.nanoseconds += time.perf_counter_ns() - began
                count.failures += failed

    def _call(
        self, name: str, node: NodeSpec, sources: Mapping[str, Source], frame: Frame
    ) -> Columns:
        taken = {
            column: as_people_write(frame.columns[source.column], source.kind)
            for column, source in sources.items()
        }
        try:
            given = self._functions[name](taken)
        except ValueError as error:
            raise InvalidInput(
                "serving.node_refused", f"Node '{name}' refuses the rows: {str(error)[:500]}"
            ) from error
        try:
            return checked(given, node.gives, frame.count)
        except TypeError as error:
            raise _failed(name, str(error)) from error


def manifest_of(spec: GraphSpec, planned: Plan) -> Manifest:
    """What a sound graph takes and answers, as that of a model."""
    answers = planned.gives.answers
    return Manifest(
        model=spec.graph,
        task="regression" if answers is None else answers.task,
        classes=() if answers is None else answers.classes,
        threshold=0.5 if answers is None else answers.threshold,
        family="graph",
        signature=planned.inputs,
        encoding=Encoding(columns=()),
        runtime="graph",
        parity=0.0,
        digests={},
        created_at="",
    )


class GraphRows:
    """A graph compiled against the order of an endpoint's fields."""

    def __init__(self, graph: Graph, fields: Sequence[Field]) -> None:
        """Find the graph's inputs among ``fields``."""
        positions = {field.name: index for index, field in enumerate(fields)}
        self._graph = graph
        self._taken = [(one.name, positions[one.name]) for one in graph.manifest.signature]
        self._width = len(fields)

    def score(self, rows: Rows) -> Outcome:
        """The outcome of these rows."""
        columns = {name: rows.column(position) for name, position in self._taken}
        return self._graph.score(columns, rows.count)

    def plain(self, rows: Rows) -> list[list[Any]]:
        """Each row as a list of its values: what ``score_plain`` takes."""
        return [rows.row(index) for index in range(rows.count)]

    def score_plain(self, plain: list[list[Any]]) -> Outcome:
        """The outcome of rows from ``plain``, of one request or several."""
        columns = {name: [row[position] for row in plain] for name, position in self._taken}
        return self._graph.score(columns, len(plain))


def outcome_of(outputs: Sequence[Output], given: Sequence[Values]) -> Outcome:
    """What the columns of a graph's answer mean: its first number is the score, its first text the
    label, its first list of numbers the probabilities."""
    scores: Values | None = None
    truths: Values | None = None
    labels = probabilities = None
    for output, values in zip(outputs, given, strict=True):
        if output.width:
            probabilities = probabilities or values
        elif output.kind == "categorical":
            labels = labels or values
        elif output.kind == "numeric":
            scores = scores or values
        else:
            truths = truths or values
    if probabilities is not None:
        scores = list(map(max, probabilities))
    scores = scores or truths or [None] * len(given[0])
    return Outcome(scores, probabilities, labels, tuple(zip(outputs, given, strict=True)))


def _columns_of(outcome: Outcome) -> Columns:
    if outcome.labels is None:
        return {"prediction": outcome.scores}
    if outcome.probabilities is None:
        return {"probability": outcome.scores, "label": outcome.labels}
    return {"probabilities": outcome.probabilities, "label": outcome.labels}


def _of_node(name: str, find: Any, place: Any) -> Any:
    """``find(place)``, whose errors say which node is meant."""
    try:
        return find(place)
    except MillwrightError as error:
        raise type(error)(
            error.code, f"Node '{name}': {error.message}", hint=error.hint, value=error.value
        ) from error


def _failed(name: str, why: str) -> NodeFailed:
    return NodeFailed("serving.node_failed", f"Node '{name}' of the graph {why}.")


def plan_of(spec: GraphSpec, manifests: Mapping[str, Manifest]) -> Plan:
    """The plan of a graph of which nothing is loaded: whether it is sound, what it takes and gives.

    Raises:
        InvalidInput: it is not sound.
    """
    return plan(spec, manifests, _not_yet)


def _not_yet(_name: str, _sources: Mapping[str, Source], _frame: Frame) -> Columns:
    raise AssertionError("a plan is only looked at before its models are loaded")
