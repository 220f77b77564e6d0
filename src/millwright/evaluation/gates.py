"""Thresholds that a model has to meet, each answered with a sentence.

A gate may name a metric (``roc_auc``), the end of its interval (``roc_auc.low``), the worst slice
(``worst_slice.roc_auc``), a gap between groups (``fairness.gap`` or one by name), the loss under
disturbed inputs (``robustness.drop``), or the gain over the champion (``improvement``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from millwright.evaluation.fairness import CLASSIFICATION_GAPS, REGRESSION_GAPS
from millwright.evaluation.metrics import metrics_for
from millwright.evaluation.result import Evaluation, GateResult
from millwright.evaluation.slices import worst_slice
from millwright.kernel.config import Gate
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import Task

_IMPROVEMENTS = ("improvement", "improvement.low", "improvement.probability")
_ROBUSTNESS = ("robustness.drop", "robustness.noise", "robustness.missing")


@dataclass(frozen=True)
class _Reading:
    """What a gate's metric came out as; without a value, ``note`` says why."""

    value: float | None
    note: str = ""
    applies: bool = True
    """False where the project asked for nothing that this gate could look at."""


def gate_metrics(task: Task) -> tuple[str, ...]:
    """Every name that a gate of a task may use."""
    names = [metric.name for metric in metrics_for(task)]
    gaps = REGRESSION_GAPS if task == "regression" else CLASSIFICATION_GAPS
    return (
        *names,
        *(f"{name}.{end}" for name in names for end in ("low", "high")),
        *(f"worst_slice.{name}" for name in names),
        "fairness.gap",
        *(f"fairness.{gap}" for gap in gaps),
        *_ROBUSTNESS,
        *_IMPROVEMENTS,
    )


def check_gate_names(gates: Sequence[Gate], task: Task) -> None:
    """Find misspelt gates before any time is spent on training.

    Raises:
        InvalidInput: a gate names a metric that a model of this task does not have, or sets
            neither ``min`` nor ``max``.
    """
    known = gate_metrics(task)
    for gate in gates:
        if gate.metric not in known:
            guess = nearest(gate.metric, known)
            raise InvalidInput(
                "evaluation.unknown_gate",
                f"The gate '{gate.metric}' names nothing that is measured of a {task} model.",
                hint=f"Did you mean '{guess}'?" if guess else f"Known: {', '.join(known)}.",
                value=gate.metric,
            )
        if gate.min is None and gate.max is None:
            raise InvalidInput(
                "evaluation.empty_gate",
                f"The gate '{gate.metric}' has neither a min nor a max.",
                hint="Give it one, for example min: 0.75.",
                value=gate.metric,
            )


def check_gates(gates: Sequence[Gate], evaluation: Evaluation) -> tuple[GateResult, ...]:
    """Hold an evaluation against each gate.

    A gate that looks at something there is none of (no champion, no groups configured) is passed
    and says so; one whose metric is undefined on the rows fails, since nothing was shown.

    Raises:
        InvalidInput: as ``check_gate_names``.
    """
    check_gate_names(gates, evaluation.task)
    return tuple(_check(gate, _read(gate.metric, evaluation)) for gate in gates)


def _check(gate: Gate, reading: _Reading) -> GateResult:
    passed, reason = not reading.applies, reading.note
    if reading.value is not None:
        passed, reason = _judge(gate, reading.value, reading.note)
    return GateResult(
        metric=gate.metric,
        value=reading.value,
        min=gate.min,
        max=gate.max,
        passed=passed,
        reason=reason,
    )


def _judge(gate: Gate, value: float, note: str) -> tuple[bool, str]:
    said = f"{gate.metric} is {value:.4f}{f' ({note})' if note else ''}"
    if gate.min is not None and value < gate.min:
        return False, f"{said}, below the required minimum of {gate.min:g}."
    if gate.max is not None and value > gate.max:
        return False, f"{said}, above the allowed maximum of {gate.max:g}."
    limits = []
    if gate.min is not None:
        limits.append(f"at least the required {gate.min:g}")
    if gate.max is not None:
        limits.append(f"at most the allowed {gate.max:g}")
    return True, f"{said}, {' and '.join(limits)}."


def _read(name: str, evaluation: Evaluation) -> _Reading:
    area, _, detail = name.partition(".")
    readers: dict[str, Callable[[str, Evaluation], _Reading]] = {
        "worst_slice": _read_slice,
        "fairness": _read_fairness,
        "robustness": _read_robustness,
        "improvement": _read_improvement,
    }
    if area in readers:
        return readers[area](detail, evaluation)
    interval = evaluation.metrics.get(area)
    if interval is None:
        return _Reading(None, f"{area} is undefined on the {evaluation.rows} rows of this test.")
    values = {"": interval.value, "low": interval.low, "high": interval.high}
    return _Reading(values[detail])


def _read_slice(metric: str, evaluation: Evaluation) -> _Reading:
    worst = worst_slice(evaluation.slices, metric)
    if worst is None:
        return _Reading(None, "No slice has enough rows to be judged.", applies=False)
    note = f"where {worst.column} is {worst.name}, {worst.rows} rows"
    return _Reading(worst.metrics[metric], note)


def _read_fairness(gap: str, evaluation: Evaluation) -> _Reading:
    found = [
        (entry.gap if gap == "gap" else entry.gaps.get(gap), entry.column)
        for entry in evaluation.fairness
    ]
    known = [(value, column) for value, column in found if value is not None]
    if not known:
        note = (
            "No group has enough rows to be compared."
            if evaluation.fairness
            else "No groups to compare are named in evaluation.fairness.groups."
        )
        return _Reading(None, note, applies=False)
    # Of differences the largest is the worst, of ratios the smallest.
    value, column = min(known) if gap == "disparate_impact" else max(known)
    return _Reading(value, f"between the groups of {column}")


def _read_robustness(detail: str, evaluation: Evaluation) -> _Reading:
    asked = [d for d in evaluation.robustness if d.configured and detail in ("drop", d.kind)]
    if not asked:
        return _Reading(None, "Inputs were not disturbed: the levels are zero.", applies=False)
    worst = max(asked, key=lambda disturbance: disturbance.drop)
    return _Reading(worst.drop, f"with {_described(worst.kind, worst.level)}")


def _described(kind: str, level: float) -> str:
    if kind == "noise":
        return f"noise of {level:g} standard deviations"
    return f"{level:.0%} of the values missing"


def _read_improvement(detail: str, evaluation: Evaluation) -> _Reading:
    found = evaluation.comparison
    if found is None:
        return _Reading(None, "There is no champion to compare with yet.", applies=False)
    values = {"": found.difference, "low": found.low, "probability": found.probability_better}
    note = f"{found.metric} {found.challenger:.4f} against the champion's {found.champion:.4f}"
    return _Reading(values[detail], note)
