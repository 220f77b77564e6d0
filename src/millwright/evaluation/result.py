"""Everything an evaluation found, in one record that fits into a page, a card and a database."""

from __future__ import annotations

from millwright.evaluation.curves import Curves
from millwright.evaluation.explanations import FieldImportance, RowExplanation
from millwright.evaluation.fairness import Fairness
from millwright.evaluation.intervals import Comparison, Interval
from millwright.evaluation.robustness import Disturbance
from millwright.evaluation.slices import Slice
from millwright.kernel.model_package import Task
from millwright.kernel.record import Record


class GateResult(Record):
    """Whether a threshold was met, and why."""

    metric: str
    value: float | None
    min: float | None
    max: float | None
    passed: bool
    reason: str
    """A sentence."""


class Evaluation(Record):
    """A model measured on rows that it never saw."""

    task: Task
    classes: tuple[str, ...]
    metric: str
    """The primary metric: what slices, importance, robustness and comparison are measured by."""
    higher_is_better: bool
    threshold: float
    rows: int
    class_counts: dict[str, int]
    """Rows of each class; empty for regression."""
    metrics: dict[str, Interval]
    """Every metric that is defined on these rows, with its 95 % interval."""
    curves: Curves
    slices: tuple[Slice, ...]
    worst_slice: Slice | None
    fairness: tuple[Fairness, ...]
    importance: tuple[FieldImportance, ...]
    explanations: tuple[RowExplanation, ...]
    """A few telling rows: the surest, the least sure and the most wrong ones."""
    robustness: tuple[Disturbance, ...]
    comparison: Comparison | None
    """With the champion, on the same rows; None where there is none."""
    gates: tuple[GateResult, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate was passed."""
        return all(gate.passed for gate in self.gates)
