"""What a table looks like, column by column: pure, small, and the same for the same table."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.quality.hashing import Hashed, column_hashes, duplicate_rows
from millwright.data.quality.personal_data import PREFILTER, PersonalColumn, recognised
from millwright.data.schema import ColumnKind, describe_column, is_text
from millwright.kernel.record import Record

BINS: Final = 20
TOP_VALUES: Final = 10
CORRELATIONS: Final = 20
SAMPLE_ROWS: Final = 250_000
"""Rows that ranks, frequent values and correlations of a larger table are taken from."""
LEAST_SHARE: Final = 0.01
"""Share of a column's values that have to be personal for the column to be."""
QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class Quantile(Record):
    """The value below which a share of the values lies."""

    share: float
    value: float


class Histogram(Record):
    """Counts between edges of equal distance; one edge more than counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class TopValue(Record):
    """A frequent value, as text, and how often it occurs."""

    value: str
    count: int


class ColumnProfile(Record):
    """One column. Times are described in milliseconds since 1970 UTC, in ``minimum``/``maximum``.

    Numbers that are not finite count in ``count`` and in nothing else.
    """

    name: str
    kind: ColumnKind
    type: str
    count: int
    """Rows with a value."""
    nulls: int
    distinct: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    deviation: float | None = None
    """Standard deviation of the population."""
    quantiles: tuple[Quantile, ...] = ()
    histogram: Histogram | None = None
    top: tuple[TopValue, ...] = ()


class Correlation(Record):
    """Pearson's coefficient of two columns of numbers, over rows in which both have one."""

    left: str
    right: str
    coefficient: float


class TableProfile(Record):
    """All columns of a table."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    duplicates: int | None = None
    """Rows that would have to go for each row to occur once; None where it was not counted."""
    correlations: tuple[Correlation, ...] = ()
    """The strongest, at most ``CORRELATIONS``."""
    personal: tuple[PersonalColumn, ...] = ()
    """Columns that seem to hold personal data."""
    sampled_rows: int | None = None
    """Rows, evenly spread, that quantiles, histograms, frequent values, correlations and personal
    data are of; all of them when None. Counts, ranges, means and distinct values are always of
    all rows."""


def profile_table(table: pa.Table) -> TableProfile:
    """Describe every column of a canonical table, and what they have to do with one another."""
    every = 1 if table.num_rows <= SAMPLE_ROWS else -(-table.num_rows // SAMPLE_ROWS)
    part = table if every == 1 else table.take(pa.array(np.arange(0, table.num_rows, every)))
    hashes = column_hashes(table)
    columns = tuple(
        profile_column(name, table[name], part[name], hashes.get(name))
        for name in table.column_names
    )
    kinds = {column.name: column.kind for column in columns}
    return TableProfile(
        rows=table.num_rows,
        columns=columns,
        duplicates=duplicate_rows(hashes, table.num_rows),
        correlations=correlations(part, [n for n, kind in kinds.items() if kind == "numeric"]),
        personal=personal_columns(part),
        sampled_rows=None if every == 1 else part.num_rows,
    )


def profile_column(
    name: str,
    values: pa.ChunkedArray,
    part: pa.ChunkedArray | None = None,
    hashes: Hashed | None = None,
) -> ColumnProfile:
    """Describe one column (see ``ColumnProfile``); ``part`` stands for it where ranks matter."""
    distinct = None if hashes is None else hashes.distinct
    described = describe_column(name, values, distinct)
    plain = ColumnProfile(
        name=name,
        kind=described.kind,
        type=described.type,
        count=len(values) - described.nulls,
        nulls=described.nulls,
        distinct=described.distinct,
    )
    part = values if part is None else part
    if described.kind == "unusable":
        return plain
    if pa.types.is_timestamp(values.type):
        return plain.model_copy(update=_range_in_milliseconds(values))
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return plain.model_copy(update=_numbers(values, part))
    return plain.model_copy(update={"top": _top(part)})


def _numbers(values: pa.ChunkedArray, part: pa.ChunkedArray) -> dict[str, object]:
    numbers = _finite_numbers(values)
    if len(numbers) == 0:
        return {}
    some = numbers if part is values else _finite_numbers(part)
    # Values near the ends of the float range may overflow; they then have no deviation to speak of.
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            "minimum": float(numbers.min()),
            "maximum": float(numbers.max()),
            "mean": _finite(numbers.mean()),
            "deviation": _finite(numbers.std()),
            "quantiles": tuple(
                Quantile(share=share, value=float(value))
                for share, value in zip(
                    QUANTILES, np.quantile(some, QUANTILES) if len(some) else (), strict=False
                )
                if np.isfinite(value)
            ),
            "histogram": _histogram(some) if len(some) else None,
        }


def _finite_numbers(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    numbers = pc.cast(values.drop_null(), pa.float64(), safe=False).to_numpy()
    finite = np.isfinite(numbers)
    whole: npt.NDArray[np.float64] = numbers if finite.all() else numbers[finite]
    return whole


def _finite(number: np.float64) -> float | None:
    return float(number) if np.isfinite(number) else None


def _histogram(numbers: npt.NDArray[np.float64]) -> Histogram | None:
    low, high = float(numbers.min()), float(numbers.max())
    # Bins between neighbouring floats cannot be told apart; one bin says all there is.
    edges = np.linspace(low, high, BINS + 1)
    if not np.isfinite(edges).all():
        return None
    if not np.all(np.diff(edges) > 0):
        return Histogram(edges=(low, high), counts=(len(numbers),))
    counts, _ = np.histogram(numbers, bins=edges)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def _range_in_milliseconds(values: pa.ChunkedArray) -> dict[str, object]:
    bounds = pc.min_max(pc.cast(values, pa.int64())).as_py()
    per_millisecond = {"s": 1e-3, "ms": 1.0, "us": 1e3, "ns": 1e6}[values.type.unit]
    return {
        "minimum": bounds["min"] / per_millisecond,
        "maximum": bounds["max"] / per_millisecond,
    }


def _top(values: pa.ChunkedArray) -> tuple[TopValue, ...]:
    counted = pc.value_counts(pc.cast(values.drop_null(), pa.string()))
    table = pa.table({"value": counted.field("values"), "count": counted.field("counts")})
    # Ties are ordered by value, so that the same table has the same profile.
    table = table.sort_by([("count", "descending"), ("value", "ascending")]).slice(0, TOP_VALUES)
    return tuple(TopValue(value=r["value"], count=r["count"]) for r in table.to_pylist())


def correlations(table: pa.Table, names: list[str]) -> tuple[Correlation, ...]:
    """The strongest correlations among columns of numbers, by their absolute size."""
    if len(names) < 2 or table.num_rows < 3:
        return ()
    whole = np.column_stack(
        [pc.cast(table[n], pa.float64(), safe=False).to_numpy() for n in names[:100]]
    )
    whole[~np.isfinite(whole)] = np.nan
    known = ~np.isnan(whole)
    with np.errstate(all="ignore"):
        centred = np.where(known, whole - np.nanmean(whole, axis=0), 0.0)
        held = known.astype(np.float64)
        squares = (centred**2).T @ held
        found = (centred.T @ centred) / np.sqrt(squares * squares.T)
    pairs = [
        Correlation(left=names[i], right=names[j], coefficient=round(float(found[i, j]), 6))
        for i in range(len(found))
        for j in range(i + 1, len(found))
        if np.isfinite(found[i, j])
    ]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair.coefficient))[:CORRELATIONS])


def personal_columns(table: pa.Table) -> tuple[PersonalColumn, ...]:
    """The columns that seem to hold personal data, by their names and values."""
    found: list[PersonalColumn] = []
    for name in table.column_names:
        values = table[name]
        candidates: dict[str, int] = {}
        if is_text(values.type):
            text = pc.cast(values.drop_null(), pa.string())
            matched = text.filter(pc.match_substring_regex(text, PREFILTER))
            counted = pc.value_counts(matched)
            both = (counted.field(part).to_pylist() for part in ("values", "counts"))
            candidates = dict(zip(*both, strict=True))
        known = len(values) - values.null_count
        found += recognised(name, candidates, known, LEAST_SHARE)
    return tuple(found)
