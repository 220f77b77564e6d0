"""What a graph knows of the rows of a request while it runs, and what its nodes give."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from millwright.kernel.model_package import Manifest, Task
from millwright.serving.outcome import Output, outputs_of
from millwright.serving.replies import Expired

Values = list[Any]
"""The values of one column: numbers, texts or truths (1.0 and 0.0), None where not known; of an
output of several numbers a list for each row."""
Columns = dict[str, Values]


@dataclass(frozen=True, slots=True)
class Answers:
    """What makes outputs those of a model: its task, its classes, where it says yes."""

    task: Task
    classes: tuple[str, ...]
    threshold: float


@dataclass(frozen=True, slots=True)
class Gives:
    """What a node gives; ``answers`` where that is what a model of a task gives."""

    outputs: tuple[Output, ...]
    answers: Answers | None = None

    @classmethod
    def of_model(cls, manifest: Manifest) -> Gives:
        """What a model of this manifest gives."""
        answers = Answers(manifest.task, manifest.classes, manifest.threshold)
        return cls(outputs_of(manifest), answers)


class Frame:
    """Columns by name, of ``count`` rows. Each name is a column of the request, ``node.output``, or
    ``output``: the latest of this name."""

    __slots__ = ("columns", "count", "ends_ns")

    def __init__(self, columns: Columns, count: int, ends_ns: int | None) -> None:
        """``ends_ns`` is the ``time.perf_counter_ns()`` after which no node begins."""
        self.columns = columns
        self.count = count
        self.ends_ns = ends_ns

    def add(self, node: str, given: Columns) -> None:
        """Know what a node gave."""
        self.columns.update(given)
        for name, values in given.items():
            self.columns[f"{node}.{name}"] = values

    def apart(self) -> Frame:
        """The same rows, for one of several ways that do not know of each other."""
        return Frame(dict(self.columns), self.count, self.ends_ns)

    def part(self, rows: Sequence[int]) -> Frame:
        """Some of the rows."""
        columns = {name: [values[i] for i in rows] for name, values in self.columns.items()}
        return Frame(columns, len(rows), self.ends_ns)

    def refuse_if_late(self, node: str) -> None:
        """Raise ``Expired`` where the time of the graph is over before this node began."""
        if self.ends_ns is not None and time.perf_counter_ns() > self.ends_ns:
            raise Expired(
                "serving.graph_expired",
                f"The time of the graph was over before its node '{node}' began.",
                hint="Allow it more under timeout_ms, or look at millwright_graph_node_seconds_total.",
            )
