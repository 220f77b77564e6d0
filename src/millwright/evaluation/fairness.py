"""Whether outcomes differ between groups of people, by the usual definitions.

Selection rate is the share predicted positive, TPR the share of true positives found, FPR the
share of true negatives wrongly called positive (Hardt, Price and Srebro, 2016; the names of the
gaps are those of Fairlearn). For several classes each class is taken as the positive one in turn,
and the largest gap counts. For regression groups are compared by their mean error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millwright.evaluation.metrics import point_metrics
from millwright.evaluation.observed import Observed
from millwright.evaluation.segments import Segments, segments
from millwright.kernel.record import Record

MIN_ROWS = 30
"""Groups with fewer rows (or rates over fewer) are shown but do not count towards a gap."""

CLASSIFICATION_GAPS = (
    "demographic_parity_difference",
    "equal_opportunity_difference",
    "equalized_odds_difference",
    "disparate_impact",
)
REGRESSION_GAPS = ("mean_error_difference", "mae_difference")


class Group(Record):
    """One group and what the model does with it; None where a rate has no rows to rest on."""

    name: str
    rows: int
    selection_rate: float | None = None
    tpr: float | None = None
    fpr: float | None = None
    precision: float | None = None
    calibration: float | None = None
    """Mean P(positive) minus the share that was positive: above zero the model says too much."""
    mean_error: float | None = None
    """Mean of prediction minus outcome (regression)."""
    metrics: dict[str, float]


class Fairness(Record):
    """The groups of one column, and the gaps between them."""

    column: str
    groups: tuple[Group, ...]
    gaps: dict[str, float]
    """Differences between the largest and smallest rate; ``disparate_impact`` is their ratio."""

    @property
    def gap(self) -> float | None:
        """The one number to watch: equalised odds, or the difference of mean errors."""
        return self.gaps.get("equalized_odds_difference", self.gaps.get("mean_error_difference"))


def fairness(table: pa.Table, column: str, observed: Observed) -> Fairness:
    """Compare the groups that a column divides the rows into.

    Raises:
        InvalidInput: there is no such column.
    """
    divided = segments(table, column)
    groups = tuple(_group(name, observed.rows(mask)) for name, mask in divided.masks())
    return Fairness(column=column, groups=groups, gaps=fairness_gaps(divided, observed))


def fairness_gaps(divided: Segments, observed: Observed) -> dict[str, float]:
    """Only the gaps between the groups that rows are divided into."""
    parts = [observed.rows(mask) for _, mask in divided.masks()]
    counted = [part for part in parts if len(part) >= MIN_ROWS]
    if observed.task == "regression":
        return _error_gaps(counted)
    positives = [1] if observed.task == "binary" else range(len(observed.classes))
    return _worst([_gaps(counted, position) for position in positives])


def _group(name: str, part: Observed) -> Group:
    metrics = point_metrics(part)
    if part.task == "regression":
        error = float(np.mean(part.prediction - part.y))
        return Group(name=name, rows=len(part), mean_error=error, metrics=metrics)
    if part.task == "multiclass":
        return Group(name=name, rows=len(part), metrics=metrics)
    said, true = part.labels == 1, part.y == 1
    return Group(
        name=name,
        rows=len(part),
        selection_rate=_share(said),
        tpr=_share(said[true]),
        fpr=_share(said[~true]),
        precision=_share(true[said]),
        calibration=float(np.mean(part.prediction - part.y)),
        metrics=metrics,
    )


def _share(mask: npt.NDArray[np.bool_], least: int = 1) -> float | None:
    return float(np.mean(mask)) if len(mask) >= least else None


def _gaps(parts: Sequence[Observed], position: int) -> dict[str, float]:
    said = [part.labels == position for part in parts]
    true = [part.y == position for part in parts]
    selection = [_share(s) for s in said]
    tpr = [_share(s[t], MIN_ROWS) for s, t in zip(said, true, strict=True)]
    fpr = [_share(s[~t], MIN_ROWS) for s, t in zip(said, true, strict=True)]
    gaps = {
        "demographic_parity_difference": _difference(selection),
        "equal_opportunity_difference": _difference(tpr),
        "equalized_odds_difference": _largest(_difference(tpr), _difference(fpr)),
        "disparate_impact": _ratio(selection),
    }
    return {name: value for name, value in gaps.items() if value is not None}


def _error_gaps(parts: Sequence[Observed]) -> dict[str, float]:
    errors = [part.prediction - part.y for part in parts]
    gaps = {
        "mean_error_difference": _difference([float(e.mean()) for e in errors]),
        "mae_difference": _difference([float(np.abs(e).mean()) for e in errors]),
    }
    return {name: value for name, value in gaps.items() if value is not None}


def _difference(rates: Sequence[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return max(known) - min(known) if len(known) > 1 else None


def _ratio(rates: Sequence[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    if len(known) < 2:
        return None
    return min(known) / max(known) if max(known) > 0 else 1.0


def _largest(*values: float | None) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _worst(per_class: Sequence[dict[str, float]]) -> dict[str, float]:
    names = [name for name in CLASSIFICATION_GAPS if any(name in gaps for gaps in per_class)]
    return {
        name: (min if name == "disparate_impact" else max)(g[name] for g in per_class if name in g)
        for name in names
    }
