"""What a table looks like, column by column: pure, small, and the same for the same table."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.schema import ColumnKind, describe_column
from millwright.kernel.record import Record

BINS: Final = 20
TOP_VALUES: Final = 10
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


class TableProfile(Record):
    """All columns of a table."""

    rows: int
    columns: tuple[ColumnProfile, ...]


def profile_table(table: pa.Table) -> TableProfile:
    """Describe every column of a canonical table: counts, range, quantiles, frequent values."""
    columns = tuple(profile_column(name, table[name]) for name in table.column_names)
    return TableProfile(rows=table.num_rows, columns=columns)


def profile_column(name: str, values: pa.ChunkedArray) -> ColumnProfile:
    """Describe one column (see ``ColumnProfile``)."""
    described = describe_column(name, values)
    plain = ColumnProfile(
        name=name,
        kind=described.kind,
        type=described.type,
        count=len(values) - described.nulls,
        nulls=described.nulls,
        distinct=described.distinct,
    )
    if described.kind == "unusable":
        return plain
    if pa.types.is_timestamp(values.type):
        return plain.model_copy(update=_range_in_milliseconds(values))
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return plain.model_copy(update=_numbers(values))
    return plain.model_copy(update={"top": _top(values)})


def _numbers(values: pa.ChunkedArray) -> dict[str, object]:
    numbers = pc.cast(values.drop_null(), pa.float64(), safe=False).to_numpy()
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) == 0:
        return {}
    # Values near the ends of the float range may overflow; they then have no deviation to speak of.
    with np.errstate(over="ignore", invalid="ignore"):
        return {
            "minimum": float(numbers.min()),
            "maximum": float(numbers.max()),
            "mean": _finite(numbers.mean()),
            "deviation": _finite(numbers.std()),
            "quantiles": tuple(
                Quantile(share=share, value=float(value))
                for share, value in zip(QUANTILES, np.quantile(numbers, QUANTILES), strict=True)
                if np.isfinite(value)
            ),
            "histogram": _histogram(numbers),
        }


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
