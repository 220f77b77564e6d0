"""Why a model says what it says, for any model that is a function from tables to predictions.

- Globally: permutation importance (Breiman, 2001; Fisher, Rudin and Dominici, 2019), the loss of
  the metric when the values of one field are shuffled between rows.
- Per row: Shapley values sampled over orders of fields and background rows (Štrumbelj and
  Kononenko, 2014). For each sampled order, fields are switched one by one from a background row's
  value to the explained row's; a field's contribution is its mean effect. The effects of one order
  telescope, so the contributions of a row always sum to its prediction minus the baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millwright.evaluation.metrics import Metric, point_metric
from millwright.evaluation.observed import Floats, Observed
from millwright.kernel.model_package import Field
from millwright.kernel.record import Record

Predict = Callable[[pa.Table], npt.NDArray[np.float64]]
IMPORTANCE_ROWS = 2_000
IMPORTANCE_REPEATS = 2
ORDERS = 24
_ROWS_AT_ONCE = 20_000


class FieldImportance(Record):
    """How much worse the metric gets without what a field tells; above zero it helps."""

    field: str
    importance: float
    deviation: float
    """Standard deviation over the repeats."""


class Contribution(Record):
    """What one field's value added to a prediction."""

    field: str
    value: float | str | bool | None
    contribution: float


class RowExplanation(Record):
    """``prediction == baseline + sum of contributions``, up to rounding."""

    row: int
    prediction: float
    baseline: float
    """The mean prediction for the background rows."""
    label: str | None = None
    """The class whose probability is explained; None for regression."""
    contributions: tuple[Contribution, ...]
    """The strongest first; every field once."""


def permutation_importance(
    predict: Predict,
    table: pa.Table,
    fields: Sequence[Field],
    observed: Observed,
    metric: Metric,
    *,
    rows: int = IMPORTANCE_ROWS,
    repeats: int = IMPORTANCE_REPEATS,
    seed: int = 7,
) -> tuple[FieldImportance, ...]:
    """The importance of each field, the most important first.

    Args:
        table: the rows of ``observed``; at most ``rows`` of them are used.
    """
    generator = np.random.default_rng(seed)
    chosen = _some(len(observed), rows, generator)
    names = [field.name for field in fields]
    part, seen = table.select(names).take(chosen), observed.rows(chosen)
    clean = point_metric(metric, seen)
    repeated = pa.concat_tables([part] * repeats)
    found = []
    for position, name in enumerate(names):
        orders = [generator.permutation(len(chosen)) for _ in range(repeats)]
        shuffled = part[name].take(np.concatenate(orders))
        predictions = np.split(predict(repeated.set_column(position, name, shuffled)), repeats)
        drops = [metric.sign * (clean - _metric_with(metric, seen, p)) for p in predictions]
        known = np.nan_to_num(np.asarray(drops))
        found.append(
            FieldImportance(
                field=name, importance=float(known.mean()), deviation=float(known.std())
            )
        )
    return tuple(sorted(found, key=lambda entry: -entry.importance))


def explain_rows(
    predict: Predict,
    table: pa.Table,
    rows: Sequence[int],
    background: pa.Table,
    fields: Sequence[Field],
    classes: Sequence[str] = (),
    *,
    orders: int = ORDERS,
    seed: int = 7,
) -> tuple[RowExplanation, ...]:
    """Shapley values of some rows of a table against a background sample.

    Orders come in pairs, one the reverse of the other, which halves the sampling noise. For
    several classes the class that the model predicts for the row is explained; for two classes
    the positive one.

    Args:
        rows: positions in ``table``.
        orders: sampled orders of the fields for each row (an even number).
    """
    names = [field.name for field in fields]
    if not rows or not names or background.num_rows == 0:
        return ()
    generator = np.random.default_rng(seed)
    half = max(1, orders // 2)
    forward = np.stack([generator.permutation(len(names)) for _ in range(half)])
    ranks = np.argsort(np.concatenate([forward, forward[:, ::-1]]), axis=1)
    starts = np.resize(generator.integers(0, background.num_rows, size=half), 2 * half)
    asked = table.select(names).take(list(rows))
    together = pa.concat_tables([background.select(names), asked], promote_options="permissive")
    outputs = _outputs(predict, together, background.num_rows, len(rows), ranks, starts)
    return tuple(
        _explanation(position, asked.slice(i, 1), outputs[i], ranks, classes)
        for i, position in enumerate(rows)
    )


def _outputs(
    predict: Predict,
    together: pa.Table,
    background: int,
    rows: int,
    ranks: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
) -> Floats:
    """Predictions after each step of each order: (rows, orders, fields + 1[, classes])."""
    orders, width = ranks.shape
    steps = np.arange(width + 1)
    columns = []
    for position, column in enumerate(together.columns):
        # After step s, the fields that rank below s have the explained row's value.
        switched = (ranks[:, position, None] < steps)[None]
        explained = (background + np.arange(rows))[:, None, None]
        which = np.where(switched, explained, starts[None, :, None])
        columns.append(column.take(which.ravel()))
    table = pa.table(columns, names=together.column_names)
    parts = [
        predict(table.slice(i, _ROWS_AT_ONCE)) for i in range(0, table.num_rows, _ROWS_AT_ONCE)
    ]
    outputs = np.concatenate(parts)
    return outputs.reshape(rows, orders, width + 1, *outputs.shape[1:])


def _explanation(
    position: int,
    asked: pa.Table,
    outputs: Floats,
    ranks: npt.NDArray[np.int64],
    classes: Sequence[str],
) -> RowExplanation:
    label = classes[1] if len(classes) == 2 else None
    if outputs.ndim == 3:
        winner = int(outputs[0, -1].argmax())
        outputs, label = outputs[..., winner], classes[winner]
    effects = np.take_along_axis(np.diff(outputs, axis=1), ranks, axis=1).mean(axis=0)
    values = asked.to_pylist()[0]
    parts = [
        Contribution(field=name, value=_plain(values[name]), contribution=float(effect))
        for name, effect in zip(asked.column_names, effects, strict=True)
    ]
    return RowExplanation(
        row=int(position),
        prediction=float(outputs[0, -1]),
        baseline=float(outputs[:, 0].mean()),
        label=label,
        contributions=tuple(sorted(parts, key=lambda part: -abs(part.contribution))),
    )


def _plain(value: object) -> float | str | bool | None:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return float(value) if np.isfinite(value) else None
    return str(value)


def _some(rows: int, most: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    if rows <= most:
        return np.arange(rows)
    return np.sort(generator.choice(rows, most, replace=False))


def _metric_with(metric: Metric, seen: Observed, prediction: Floats) -> float:
    return point_metric(
        metric, Observed(seen.task, seen.classes, seen.y, prediction, seen.threshold)
    )
