"""What a table looks like, column by column: one streaming pass, and the same for the same table."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.quality.column_survey import (
    Booleans,
    ColumnSurvey,
    Floats,
    Opaque,
    RowBits,
    Texts,
    WholeNumbers,
)
from millwright.data.quality.distinct_values import MOST_KEPT, DistinctValues, mixed
from millwright.data.quality.hashing import Bits
from millwright.data.quality.profile_records import (
    ColumnProfile,
    Histogram,
    Quantile,
    TableProfile,
    TopValue,
)
from millwright.data.quality.sample_findings import correlations, personal_columns
from millwright.data.quality.table_stream import RowSample, TableStream
from millwright.data.schema import is_text, kind_of

BINS: Final = 20
TOP_VALUES: Final = 10
WHOLE_ROWS: Final = 250_000
WHOLE_VALUES: Final = 10_000_000
"""A table of no more than so many rows and values is counted value by value …"""
SAMPLE_ROWS: Final = 100_000
"""… from so many rows of a larger one quantiles, histograms and correlations are taken …"""
SAMPLE_VALUES: Final = 5_000_000
FEWEST_ROWS: Final = 20_000
"""… fewer where many columns make that more values than these, but never fewer than this."""
QUANTILES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Survey:
    """A profile, and what it was made of."""

    profile: TableProfile
    sample: pa.Table
    """Rows drawn evenly; all of a small table. Long texts are cut short."""
    levels: dict[str, tuple[str, ...]]
    """All values of each column of text that has few."""


def profile_table(data: Path | pa.Table) -> TableProfile:
    """Describe every column of a canonical table, and what they have to do with one another."""
    return survey(data).profile


def survey(data: Path | pa.Table) -> Survey:
    """Look at a table, in memory or in a Parquet file, in one pass and bounded memory.

    Raises:
        pyarrow.ArrowInvalid: the file is no Parquet file.
    """
    stream = TableStream(data)
    kept, rows_kept = _most_kept(stream)
    columns = [_survey_of(stream, place, kept) for place in range(len(stream.schema))]
    rows, sample = DistinctValues(kept), RowSample(stream.rows, rows_kept)
    unseen = 0
    for number, batch in enumerate(stream):
        offers = _taken(columns, batch)
        if any(isinstance(found, WholeNumbers) and found.rising for found in columns):
            # A key that rises says that no row repeats: most tables have one.
            unseen = number + 1
        else:
            rows.add(_of_rows(offers))
        sample.add(batch)
    if not _has_key(columns, stream.rows):
        again = [_survey_of(stream, place, kept) for place in range(len(columns))]
        for batch in islice(stream, unseen):
            rows.add(_of_rows(_taken(again, batch)))
    return _concluded(stream, columns, rows, sample)


def _taken(columns: list[ColumnSurvey], batch: pa.RecordBatch) -> list[RowBits]:
    taken = (found.add(values) for found, values in zip(columns, batch.columns, strict=True))
    return [offer for offer in taken if offer is not None]


def _of_rows(columns: list[RowBits]) -> Bits:
    """One hash per row."""
    if not columns:
        return np.empty(0, np.uint64)
    mix = columns[0]().copy()
    for offer in columns[1:]:
        mix *= _ODD
        mix += offer()
    return mixed(mix)


def _has_key(columns: list[ColumnSurvey], rows: int) -> bool:
    return any(found.distinct == rows and not found.estimated for found in columns)


def _most_kept(stream: TableStream) -> tuple[int, int]:
    """Values of a column that are told apart one by one, and rows that a sample has."""
    rows, columns = stream.rows, max(len(stream.schema), 1)
    if rows <= WHOLE_ROWS and rows * columns <= WHOLE_VALUES:
        return max(rows, 1), max(rows, 1)
    values = min(max(MOST_KEPT * 100 // columns, 1 << 14), MOST_KEPT)
    return values, min(max(SAMPLE_VALUES // columns, FEWEST_ROWS), SAMPLE_ROWS)


def _survey_of(stream: TableStream, place: int, kept: int) -> ColumnSurvey:
    kind = stream.schema.field(place).type
    if pa.types.is_boolean(kind):
        return Booleans()
    if pa.types.is_floating(kind) or pa.types.is_uint64(kind) or pa.types.is_decimal(kind):
        return Floats(kept)
    if pa.types.is_integer(kind):
        return WholeNumbers(kept, stream.bounds(place))
    if pa.types.is_timestamp(kind):
        return WholeNumbers(kept, None)
    return Opaque() if pa.types.is_nested(kind) or pa.types.is_null(kind) else Texts(kept)


def _concluded(
    stream: TableStream, surveys: list[ColumnSurvey], rows: DistinctValues, sample: RowSample
) -> Survey:
    part = sample.table(stream.schema)
    columns = [
        _profile(field, found, part.column(place), stream.rows, sample.whole)
        for place, (field, found) in enumerate(zip(stream.schema, surveys, strict=True))
    ]
    unique = _has_key(surveys, stream.rows)
    personal = personal_columns(part)
    hidden = {one.column for one in personal if one.by == "values"}
    comparable = any(not isinstance(found, Opaque) for found in surveys)
    profile = TableProfile(
        rows=stream.rows,
        # A profile goes further than its table: whom the rows are about stays out of it.
        columns=tuple(
            one.model_copy(update={"top": ()}) if one.name in hidden else one for one in columns
        ),
        duplicates=0 if unique else rows.surplus if comparable and stream.rows else None,
        duplicates_estimated=comparable and not unique and rows.estimated,
        correlations=correlations(part, [c.name for c in columns if c.kind == "numeric"]),
        personal=personal,
        sampled_rows=None if sample.whole else part.num_rows,
    )
    levels = {
        field.name: tuple(sorted(found.tally))
        for field, found in zip(stream.schema, surveys, strict=True)
        if isinstance(found, Texts) and found.tally is not None and is_text(field.type)
    }
    return Survey(profile, part, levels)


def _profile(
    field: pa.Field, found: ColumnSurvey, part: pa.ChunkedArray, rows: int, whole: bool
) -> ColumnProfile:
    known, distinct = rows - found.nulls, found.distinct
    plain = ColumnProfile(
        name=field.name,
        kind=kind_of(
            field.name,
            field.type,
            known,
            distinct,
            rising_by_one=lambda: isinstance(found, WholeNumbers) and found.by_one,
            mean_length=lambda: pc.mean(pc.utf8_length(part)).as_py() or 0.0,
        ),
        type=str(field.type),
        count=known,
        nulls=found.nulls,
        distinct=distinct,
        distinct_estimated=found.estimated,
    )
    if plain.kind == "unusable":
        return plain
    if isinstance(found, Texts):
        return plain.model_copy(update=_frequent(found, part, whole))
    if isinstance(found, Booleans):
        held = [(word, n) for word, n in zip(("false", "true"), found.counts, strict=True) if n]
        words, numbers = (pa.array(column) for column in zip(*held, strict=True))
        return plain.model_copy(update={"top": _top(words, numbers)})
    assert isinstance(found, WholeNumbers | Floats)
    if isinstance(found, WholeNumbers):
        found.settle()
    if pa.types.is_timestamp(field.type):
        per_millisecond = {"s": 1e-3, "ms": 1.0, "us": 1e3, "ns": 1e6}[field.type.unit]
        bounds = {
            "minimum": found.moments.least / per_millisecond,
            "maximum": found.moments.greatest / per_millisecond,
        }
        return plain.model_copy(update=bounds)
    return plain.model_copy(update=_numbers(found, _finite_numbers(part)))


def _numbers(found: WholeNumbers | Floats, some: npt.NDArray[np.float64]) -> dict[str, object]:
    moments = found.moments
    if moments.count == 0:
        return {}
    # Values near the ends of the float range may overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        quantiles = np.quantile(some, QUANTILES) if len(some) else ()
    return {
        "minimum": moments.least,
        "maximum": moments.greatest,
        "mean": moments.mean,
        "deviation": moments.deviation,
        "quantiles": tuple(
            Quantile(share=share, value=float(value))
            for share, value in zip(QUANTILES, quantiles, strict=False)
            if np.isfinite(value)
        ),
        "histogram": _histogram(some) if len(some) else None,
    }


def _finite_numbers(values: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    numbers = pc.cast(values.drop_null(), pa.float64(), safe=False).to_numpy()
    finite = np.isfinite(numbers)
    whole: npt.NDArray[np.float64] = numbers if finite.all() else numbers[finite]
    return whole


def _histogram(numbers: npt.NDArray[np.float64]) -> Histogram | None:
    low, high = float(numbers.min()), float(numbers.max())
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(low, high, BINS + 1)
    if not np.isfinite(edges).all():
        return None
    # Bins between neighbouring floats cannot be told apart; one bin says all there is.
    if not np.all(np.diff(edges) > 0):
        return Histogram(edges=(low, high), counts=(len(numbers),))
    counts, _ = np.histogram(numbers, bins=edges)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def _frequent(found: Texts, part: pa.ChunkedArray, whole: bool) -> dict[str, object]:
    if found.tally is not None:
        words, numbers = [*found.tally], [*found.tally.values()]
        return {"top": _top(pa.array(words, pa.string()), pa.array(numbers, pa.int64()))}
    counted = pc.value_counts(pc.cast(part.drop_null(), pa.string()))
    return {
        "top": _top(counted.field("values"), counted.field("counts")),
        "top_sampled": not whole,
    }


def _top(values: pa.Array, counts: pa.Array) -> tuple[TopValue, ...]:
    table = pa.table({"value": values, "count": counts})
    # Ties are ordered by value, so that the same table has the same profile.
    order = [("count", "descending"), ("value", "ascending")]
    first = table.take(pc.select_k_unstable(table, TOP_VALUES, order))
    return tuple(TopValue(value=one["value"], count=one["count"]) for one in first.to_pylist())
