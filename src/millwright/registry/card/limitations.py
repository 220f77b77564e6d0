"""Limitations that the evidence shows, in sentences: nothing here is boilerplate."""

from __future__ import annotations

from collections.abc import Iterator

from millwright.evaluation import Evaluation, Slice
from millwright.registry.card.content import CardContent

MOST_SLICES = 4
GAP = 0.1
DROP = 0.02
FEW_ROWS = 1_000
RARE = 0.05
MISCALIBRATED = 0.05


def limitations(content: CardContent) -> list[str]:
    """What a user must know before relying on the model, most serious first."""
    found: list[str] = []
    evaluation = content.evaluation
    if evaluation is None:
        found.append(
            "It was not evaluated on rows it had not seen; nothing is known of its quality."
        )
    else:
        found += _failed_gates(evaluation)
        found += _weak_slices(evaluation)
        found += _unequal(evaluation)
        found += _fragile(evaluation)
        found += _thin(evaluation)
    if content.drifted:
        names = ", ".join(content.drifted[:6])
        found.append(
            f"{len(content.drifted)} inputs were distributed differently in the test period than in "
            f"training ({names}); the model may age quickly."
        )
    leaks = [column.name for column in content.excluded if "leak" in column.reason.lower()]
    if leaks:
        found.append(
            f"Columns that tell the outcome were kept out ({', '.join(leaks[:8])}); a version with "
            "them would look better and be useless."
        )
    if content.data is not None and content.data.period is not None:
        found.append(
            f"It learned from {content.data.period[0][:10]} to {content.data.period[1][:10]} and "
            "knows nothing of what changed since; watch drift and retrain."
        )
    if content.dirty or content.commit is None:
        found.append(
            "The code that trained it had uncommitted changes, so the commit alone does not "
            "reproduce it."
            if content.commit is not None
            else "The code that trained it was not under version control."
        )
    return found


def weakest_slices(evaluation: Evaluation) -> list[Slice]:
    """Supported slices whose interval lies wholly on the bad side of the overall value."""
    overall = evaluation.metrics.get(evaluation.metric)
    if overall is None:
        return []
    sign = 1.0 if evaluation.higher_is_better else -1.0
    weak = [
        one
        for one in evaluation.slices
        if one.supported
        and one.low is not None
        and one.high is not None
        and sign * (one.high if sign > 0 else one.low) < sign * overall.value
    ]
    return sorted(weak, key=lambda one: sign * one.metrics[evaluation.metric])[:MOST_SLICES]


def _failed_gates(evaluation: Evaluation) -> Iterator[str]:
    for gate in evaluation.gates:
        if not gate.passed:
            yield f"It failed a gate: {gate.reason}"


def _weak_slices(evaluation: Evaluation) -> Iterator[str]:
    name = evaluation.metric
    overall = evaluation.metrics.get(name)
    for one in weakest_slices(evaluation):
        assert overall is not None
        yield (
            f"It is clearly weaker where {one.column} is {one.name}: {name} "
            f"{one.metrics[name]:.3f} on {one.rows:,} rows, against {overall.value:.3f} overall."
        )
    silent = sum(not one.supported for one in evaluation.slices)
    if silent:
        yield f"Too few test rows say how it does in {silent} of {len(evaluation.slices)} slices."


def _unequal(evaluation: Evaluation) -> Iterator[str]:
    for one in evaluation.fairness:
        gap = one.gap
        if gap is not None and evaluation.task != "regression" and gap > GAP:
            yield (
                f"It treats groups of {one.column} differently: error rates differ by up to "
                f"{gap:.2f} (equalised odds)."
            )


def _fragile(evaluation: Evaluation) -> Iterator[str]:
    for one in evaluation.robustness:
        if not one.configured or evaluation.task == "regression" or one.drop <= DROP:
            continue
        how = (
            f"noise of {one.level:g} standard deviations"
            if one.kind == "noise"
            else f"{one.level:.0%} of the values missing"
        )
        yield f"With {how} its {evaluation.metric} falls by {one.drop:.3f} to {one.value:.3f}."


def _thin(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.rows < FEW_ROWS:
        yield f"It was tested on only {evaluation.rows:,} rows; the intervals are wide."
    total = sum(evaluation.class_counts.values())
    for name, count in evaluation.class_counts.items():
        if total and count / total < RARE:
            yield f"The class '{name}' is rare: {count:,} of {total:,} test rows."
    error = evaluation.metrics.get("ece")
    if error is not None and error.value > MISCALIBRATED:
        yield (
            f"Its probabilities are off by {error.value:.2f} on average; use them to rank, not as "
            "chances."
        )
