"""How good the predictions of a window turned out to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.model_package import Task
from millwright.monitoring.drift import Reference
from millwright.monitoring.estimation.calibration import Calibration
from millwright.monitoring.labels import actual_values, join_labels
from millwright.monitoring.records import MetricEstimate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """One metric as measured: value, interval, and which way is better."""

    metric: str
    value: float
    low: float | None
    high: float | None
    higher_is_better: bool


@dataclass(frozen=True)
class WatchedModel:
    """What monitoring has to know of a model version.

    ``metric`` is the one watched; ``validation`` its metrics on held-out rows when registered, and
    ``calibration`` how often its scores came true there.
    """

    version_id: str
    task: Task
    classes: tuple[str, ...]
    threshold: float
    reference: Reference
    metric: str | None = None
    validation: Mapping[str, float] = field(default_factory=dict)
    calibration: Calibration | None = None
    fairness: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Gaps on held-out rows when registered, by column."""


Measure = Callable[[WatchedModel, Floats, Floats, str], tuple[Estimate, ...]]
"""Model, actual ``(n,)`` (value or position of the class), scores ``(n,)`` or ``(n, k)`` and the
metric to put first; returns that metric and others."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows whose truth is known, each prediction once."""

    actual: Floats
    scores: Floats
    positions: npt.NDArray[np.int64]
    """Where they stand in the window's rows."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self.actual.size)


def version_scores(rows: pa.Table, version_id: str, task: Task) -> Floats:
    """The scores that one version gave, as the answer or as the shadow; NaN where it gave none.

    During a trial every row is scored by both versions, so both can be measured on all rows.
    Shape ``(n,)``, or ``(n, k)`` for multiclass.
    """
    name = "scores" if task == "multiclass" else "score"
    answered = _equals(rows, "version_id", version_id)
    shadowed = _equals(rows, "shadow_version_id", version_id)
    own, shadow = _scores(rows, name), _scores(rows, f"shadow_{name}")
    width = max(own.shape[1], shadow.shape[1])
    found = np.full((rows.num_rows, width), np.nan)
    for mask, values in ((shadowed, shadow), (answered, own)):
        if values.shape[1] == width:
            found[mask] = values[mask]
    return found if task == "multiclass" else found[:, 0]


def labelled_rows(rows: pa.Table, labels: pa.Table, model: WatchedModel) -> LabelledRows:
    """Join predictions with labels by prediction id.

    The last label posted for a prediction wins; a prediction logged twice counts once, with its
    first answer; rows that this version did not score are left out.
    """
    actual = actual_values(join_labels(rows["prediction_id"], labels), model.task, model.classes)
    scores = version_scores(rows, model.version_id, model.task)
    scored = np.isfinite(scores if scores.ndim == 1 else scores.sum(axis=1))
    usable = np.flatnonzero(np.isfinite(actual) & scored)
    if usable.size:
        ids = rows["prediction_id"].take(pa.array(usable)).combine_chunks().dictionary_encode()
        _, first = np.unique(ids.indices.to_numpy(), return_index=True)
        usable = usable[np.sort(first)]
    return LabelledRows(actual=actual[usable], scores=scores[usable], positions=usable)


def errors_of(labelled: LabelledRows, model: WatchedModel) -> int | None:
    """Rows whose prediction was wrong: another class, or a value farther off than the mean at
    validation. None where that mean is not known."""
    if model.task == "regression":
        usual = model.validation.get("mae")
        if usual is None:
            return None
        return int((np.abs(labelled.scores - labelled.actual) > usual).sum())
    given = (
        labelled.scores.argmax(axis=1)
        if labelled.scores.ndim == 2
        else labelled.scores >= model.threshold
    )
    return int((given != labelled.actual).sum())


def performance_of(
    labelled: LabelledRows, model: WatchedModel, metric: str, measure: Measure
) -> tuple[MetricEstimate, ...]:
    """Metrics with intervals beside their values at validation; the watched metric first."""
    if labelled.rows == 0:
        return ()
    found = measure(model, labelled.actual, labelled.scores, metric)
    return tuple(
        MetricEstimate(
            metric=estimate.metric,
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            rows=labelled.rows,
            higher_is_better=estimate.higher_is_better,
            reference=model.validation.get(estimate.metric),
            drop=drop_of(estimate, model.validation.get(estimate.metric)),
        )
        for estimate in found
    )


def drop_of(estimate: Estimate, reference: float | None) -> float | None:
    """How much worse than at validation, above zero when worse.

    In the metric's own unit where higher is better (AUC, accuracy, R²); as a share of the value at
    validation where lower is better, because an error has the unit of the target.
    """
    if reference is None:
        return None
    if estimate.higher_is_better:
        return reference - estimate.value
    return (estimate.value - reference) / max(abs(reference), 1e-12)


def _equals(rows: pa.Table, name: str, value: str) -> npt.NDArray[np.bool_]:
    if name not in rows.column_names:
        return np.zeros(rows.num_rows, dtype=bool)
    same = pc.fill_null(pc.equal(rows[name].cast(pa.string()), value), False)
    found: npt.NDArray[np.bool_] = same.combine_chunks().to_numpy(zero_copy_only=False)
    return found


def _scores(rows: pa.Table, name: str) -> Floats:
    if name not in rows.column_names or pa.types.is_null(rows.schema.field(name).type):
        return np.full((rows.num_rows, 1), np.nan)
    column = rows[name].combine_chunks()
    if not pa.types.is_list(column.type):
        single: Floats = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return single.reshape(-1, 1)
    held = column.is_valid().to_numpy(zero_copy_only=False)
    lengths = pc.list_value_length(column.drop_null()).to_numpy()
    width = int(lengths.max()) if lengths.size else 1
    found = np.full((rows.num_rows, width), np.nan)
    if lengths.size and (lengths == width).all():
        found[held] = column.drop_null().flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    return found
