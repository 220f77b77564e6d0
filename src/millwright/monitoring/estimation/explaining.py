"""Why a model has become better or worse: other inputs, or another world.

Trees learn from labelled rows of then how large a row's loss is, given its inputs. On the rows of now
they say what the loss would be had only the inputs changed (drift of data); what is missing to the
loss that was measured is a change of the relation between inputs and truth (drift of concept).
Each column's part in the former is what follows when that column alone is taken from now; the latter
is looked for in segments of single columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.cells import cells_of, level_bins, level_values, numeric_bins, numeric_values
from millwright.kernel.errors import InvalidInput
from millwright.monitoring.comparison.samples import is_numeric
from millwright.monitoring.estimation.encoding import Encoding, in_parts
from millwright.monitoring.estimation.familiarity import numbers
from millwright.monitoring.statistics.special import Floats, normal_sf

Mask = npt.NDArray[np.bool_]
RowLoss = Literal["absolute", "squared", "error", "brier"]
_PARTS = 5
_LEAST_ROWS = 100
_LEAST_SEGMENT = 30
_MOST_ROWS = 50_000
_TOLD = 10


@dataclass(frozen=True, slots=True)
class ColumnPart:
    """What a column's own change adds to the loss."""

    column: str
    change: float


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """Rows whose loss is not what their inputs let expect.

    Attributes:
        column: by which they are chosen.
        values: a range, or a level.
        rows: of now.
        expected: mean loss that the relation of then would give.
        measured: their mean loss.
        p_value: by chance, corrected over all segments looked at.
    """

    column: str
    values: str
    rows: int
    expected: float
    measured: float
    p_value: float


@dataclass(frozen=True, slots=True)
class PerformanceChange:
    """Why the mean loss has changed.

    Attributes:
        rows: labelled rows then and now.
        then: mean loss of the reference.
        now: mean loss of the current rows.
        inputs: change that follows from other inputs alone.
        unseen: change by rows with an input beyond the reference's range, or a level that it lacks;
            of them nothing can be expected.
        unseen_share: of the rows of now.
        concept: the rest: rows with the same inputs have another loss.
        concept_p: probability that chance alone gives such a rest, or a larger one.
        columns: those that add most to ``inputs``, by themselves.
        segments: where ``concept`` is surest.
    """

    rows: tuple[int, int]
    then: float
    now: float
    inputs: float
    unseen: float
    unseen_share: float
    concept: float
    concept_p: float
    columns: tuple[ColumnPart, ...]
    segments: tuple[SegmentPart, ...]

    def __str__(self) -> str:
        told = (
            f"The mean loss went from {self.then:.4g} to {self.now:.4g}: {self.inputs:+.4g} by other"
            f" inputs, {self.concept:+.4g} by rows with the same inputs (by chance p ="
            f" {self.concept_p:.1g})."
        )
        if self.unseen_share > 0.01:
            told += (
                f" {self.unseen_share:.0%} of the rows have inputs that the reference lacks, which"
                f" gives {self.unseen:+.4g}."
            )
        if self.columns and self.columns[0].change > 0.1 * abs(self.now - self.then):
            told += f" Of the inputs '{self.columns[0].column}' adds most."
        if self.segments and self.segments[0].p_value < 0.01:
            worst = self.segments[0]
            told += (
                f" Surest where {worst.column} is {worst.values}: {worst.measured:.4g} instead of"
                f" {worst.expected:.4g} in {worst.rows:,} rows."
            )
        return told


def performance_change(
    reference: pa.Table,
    current: pa.Table,
    *,
    target: str,
    prediction: str,
    loss: RowLoss,
    inputs: Sequence[str] | None = None,
) -> PerformanceChange:
    """Take a change of the mean loss apart.

    Args:
        reference: labelled rows of then, in the order of time, not of the training.
        current: labelled rows of now.
        target: column of truth in both.
        prediction: column of the answer: a value, a class for ``error``, a score for ``brier``.
        loss: of a row.
        inputs: columns of inputs; by default all others.

    Raises:
        InvalidInput: a column is missing, fewer than 100 rows are labelled, or the loss is unknown.
        Unavailable: LightGBM is not installed.
    """
    sides = [_labelled(table, target, prediction, loss) for table in (reference, current)]
    (before, then), (after, now) = sides
    names = tuple(inputs or _inputs_of(before, after, {target, prediction}))
    for name in names:
        for table in (before, after):
            numbers_or_levels(table, name)
    encoding = Encoding(before, names)
    left, right = encoding.matrix(before), encoding.matrix(after)
    trees = encoding.fitted(left, then)
    seen = _seen(encoding, left, right, after)
    share = float(1.0 - seen.mean())
    usual, expected = float(then.mean()), trees.predict(right[seen])
    rest = now[seen] - expected
    concept = float(rest.mean()) if rest.size else 0.0
    return PerformanceChange(
        rows=(before.num_rows, after.num_rows),
        then=usual,
        now=float(now.mean()),
        inputs=(1.0 - share) * (float(expected.mean()) - usual) if rest.size else 0.0,
        unseen=share * (float(now[~seen].mean()) - usual) if share else 0.0,
        unseen_share=share,
        concept=(1.0 - share) * concept,
        concept_p=_by_chance(rest, _deviation(encoding, left, then)),
        columns=_columns(names, trees, left, right[seen]),
        segments=_segments(before, after.filter(pa.array(seen)), names, expected, now[seen]),
    )


def _seen(encoding: Encoding, left: Floats, right: Floats, after: pa.Table) -> Mask:
    """Rows of now all of whose inputs lie within the reference's."""
    seen = np.ones(right.shape[0], dtype=bool)
    for place, name in enumerate(encoding.names):
        held, values = left[:, place], right[:, place]
        if name in encoding.levels:
            present = level_values(after[name]).is_valid().to_numpy(zero_copy_only=False)
            seen &= ~(np.isnan(values) & present)
        elif not np.isnan(held).all():
            seen &= np.isnan(values) | ((values >= np.nanmin(held)) & (values <= np.nanmax(held)))
    return seen


def _by_chance(rest: Floats, deviation: float) -> float:
    if not rest.size:
        return 1.0
    spread = math.sqrt(float(rest.var()) / rest.size + deviation**2)
    return min(2.0 * normal_sf(abs(float(rest.mean())) / spread), 1.0) if spread > 0.0 else 1.0


def numbers_or_levels(table: pa.Table, name: str) -> None:
    """Whether a column can be an input; raises ``InvalidInput`` where it is missing or nested."""
    if name in table.column_names and pa.types.is_nested(table[name].type):
        raise InvalidInput(
            "monitoring.nested_input",
            f"Column '{name}' holds nested values, which are no input here.",
            hint="Name the inputs to use with inputs=[…].",
            value=name,
        )
    if name not in table.column_names:
        numbers(table, name)


def _inputs_of(before: pa.Table, after: pa.Table, roles: set[str]) -> list[str]:
    return [
        name
        for name in before.column_names
        if name not in roles
        and name in set(after.column_names)
        and not pa.types.is_nested(before[name].type)
        and not pa.types.is_temporal(before[name].type)
    ]


def _labelled(
    table: pa.Table, target: str, prediction: str, loss: RowLoss
) -> tuple[pa.Table, Floats]:
    for name in (target, prediction):
        numbers_or_levels(table, name)
    values = _loss_of(table[target], table[prediction], loss)
    rows = np.flatnonzero(np.isfinite(values))
    if rows.size < _LEAST_ROWS:
        raise InvalidInput(
            "monitoring.no_labelled_rows",
            f"{rows.size} rows have both a prediction and a truth; {_LEAST_ROWS} are needed.",
            hint="Give labelled rows on both sides.",
            value=target,
        )
    if rows.size > _MOST_ROWS:
        rows = rows[np.linspace(0, rows.size - 1, _MOST_ROWS).astype(np.int64)]
    return table.take(pa.array(rows)), values[rows]


def _loss_of(target: pa.ChunkedArray, prediction: pa.ChunkedArray, loss: RowLoss) -> Floats:
    if loss == "error":
        both = [level_values(column) for column in (target, prediction)]
        if all(is_numeric(column.type) for column in (target, prediction)):
            both = [numeric_values(column) for column in (target, prediction)]
            gone = np.isnan(both[0]) | np.isnan(both[1])
            return np.where(gone, np.nan, (both[0] != both[1]).astype(np.float64))
        return numeric_values(pc.not_equal(*both))
    gap = numeric_values(target) - numeric_values(prediction)
    if loss == "absolute":
        return np.abs(gap)
    if loss in ("squared", "brier"):
        return gap * gap
    raise InvalidInput(
        "monitoring.unknown_loss",
        f"There is no loss '{loss}' of a row.",
        hint="There are absolute, squared, error and brier.",
        value=loss,
    )


def _deviation(encoding: Encoding, matrix: Floats, values: Floats) -> float:
    """How far off the expected mean is by itself: each part of the reference by the others."""
    parts = in_parts(values.size, _PARTS)
    off = []
    for part in range(_PARTS):
        inside = parts == part
        trees = encoding.fitted(matrix[~inside], values[~inside])
        off.append(float(trees.predict(matrix[inside]).mean() - values[inside].mean()))
    # A fifth of the rows errs more by chance than all of them do.
    return math.sqrt(float(np.mean(np.square(off))) / _PARTS)


def _columns(
    names: Sequence[str], trees: Any, left: Floats, right: Floats
) -> tuple[ColumnPart, ...]:
    if not right.shape[0]:
        return ()
    rows = np.linspace(0, right.shape[0] - 1, left.shape[0]).astype(np.int64)
    rows = np.random.default_rng(0).permutation(rows)
    usual = float(trees.predict(left).mean())
    found = []
    for place, name in enumerate(names):
        held = left[:, place].copy()
        left[:, place] = right[rows, place]
        found.append(ColumnPart(name, float(trees.predict(left).mean()) - usual))
        left[:, place] = held
    return tuple(sorted(found, key=lambda part: -abs(part.change))[:_TOLD])


def _segments(
    before: pa.Table, after: pa.Table, names: Sequence[str], expected: Floats, now: Floats
) -> tuple[SegmentPart, ...]:
    rest, found = now - expected, []
    for name in names:
        numeric = is_numeric(before[name].type)
        bins = (
            numeric_bins(numeric_values(before[name]))
            if numeric
            else level_bins(level_values(before[name]), "categorical")
        )
        cells = cells_of(after[name], bins)
        for cell, label in enumerate(bins.labels):
            inside = cells == cell
            rows = int(inside.sum())
            if rows < _LEAST_SEGMENT:
                continue
            gap = rest[inside]
            spread = float(gap.std()) / math.sqrt(rows)
            surprise = abs(float(gap.mean())) / spread if spread > 0.0 else 0.0
            found.append(
                SegmentPart(
                    name,
                    label,
                    rows,
                    float(expected[inside].mean()),
                    float(now[inside].mean()),
                    2.0 * normal_sf(surprise),
                )
            )
    corrected = [
        SegmentPart(
            s.column, s.values, s.rows, s.expected, s.measured, min(s.p_value * len(found), 1.0)
        )
        for s in found
    ]
    return tuple(sorted(corrected, key=lambda part: part.p_value)[:_TOLD])
