"""``preset="nannyml"``: the chunks, distances, bins and thresholds of NannyML 0.13.

Reference and current table are cut into chunks of a tenth of their rows (what is left over is a
chunk of its own). Each chunk is compared with the whole reference; it alarms above the mean plus
three standard deviations of what the reference's own chunks show. By default the distance is
Jensen–Shannon in base 2, numbers over "doane" bins of the reference and one for all outside;
Kolmogorov–Smirnov and Wasserstein are exact below 10,000 reference rows and over 10,000 bins of
equal width above.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.cells import Column, level_values, numeric_values
from millwright.monitoring.comparison.records import ColumnComparison
from millwright.monitoring.comparison.samples import Kind
from millwright.monitoring.statistics.binning import counts_between, edges_of
from millwright.monitoring.statistics.contingency import chi_square
from millwright.monitoring.statistics.merged import distances
from millwright.monitoring.statistics.ranks import Test
from millwright.monitoring.statistics.special import Floats, chi_square_sf

CHUNKS = 10
DEVIATIONS = 3.0
_EXACT = 10_000
_BINS = 10_000
_CHI_SQUARE_P = 0.05

Method = Literal[
    "jensen_shannon", "hellinger", "kolmogorov_smirnov", "wasserstein", "chi2", "l_infinity"
]
METHODS: dict[str, tuple[Method, ...]] = {
    "numeric": ("jensen_shannon", "hellinger", "kolmogorov_smirnov", "wasserstein"),
    "categorical": ("jensen_shannon", "hellinger", "chi2", "l_infinity"),
}
_Measure: TypeAlias = Callable[[Column], tuple[float, float | None]]
"""From a chunk to its distance and, of χ², the p-value."""


def compare(
    name: str, reference: Column, current: Column, method: Method = "jensen_shannon"
) -> ColumnComparison:
    """One column by NannyML's rules: the distance of every chunk, and which of them alarm.

    ``value`` is the largest distance; a column without values in its reference has none.
    """
    kind = kind_of(reference)
    rows = (len(reference), len(current))
    fit = fitted(reference, method)
    if fit is None:
        why = "It has no type, or no values, that NannyML compares."
        return ColumnComparison(name, kind, method, None, None, False, rows=rows, findings=(why,))
    found = [fit.measure(chunk) for chunk in chunks_of(current)]
    values = np.array([value for value, _ in found])
    threshold = None if method == "chi2" else fit.threshold
    if method == "chi2":
        alarms = [p is not None and p < _CHI_SQUARE_P for _, p in found]
    else:
        alarms = [bool(value > fit.threshold) for value in values]
    held = values[np.isfinite(values)]
    return ColumnComparison(
        name=name,
        kind=kind,
        method=method,
        value=float(held.max()) if held.size else None,
        threshold=threshold,
        drifted=any(alarms),
        rows=rows,
        missing=(_share_missing(reference), _share_missing(current)),
        chunks=tuple(values.tolist()),
        alarms=tuple(alarms),
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A reference, ready to be compared with chunks.

    ``measure`` takes a chunk to its distance (and, of χ², the p-value); ``threshold`` is the mean
    plus three standard deviations of what the reference's own chunks show.
    """

    measure: _Measure
    threshold: float


def fitted(reference: Column, method: Method | None = None) -> Fitted | None:
    """Prepare a reference; None for one without values, or of a type that NannyML does not take."""
    kind = kind_of(reference)
    if kind == "unsupported" or reference.null_count == len(reference):
        return None
    if kind == "numeric" and np.isinf(numeric_values(reference)).any():
        return None
    chosen = method or "jensen_shannon"
    measure = _numeric(chosen, reference) if kind == "numeric" else _levels(chosen, reference)
    then = np.array([measure(chunk)[0] for chunk in chunks_of(reference)])
    threshold = float(np.nanmean(then) + DEVIATIONS * np.nanstd(then))
    return Fitted(measure, min(threshold, 1.0) if method == "kolmogorov_smirnov" else threshold)


def kind_of(column: Column) -> Kind:
    """NannyML's type of a column: every number is continuous, however few its values."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "numeric"
    if (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_dictionary(kind)
    ):
        return "categorical"
    return "unsupported"


def chunks_of(column: Column) -> list[Column]:
    """Consecutive parts of a tenth of the rows, and what is left over."""
    size = len(column) // CHUNKS
    if size == 0:
        return [column] if len(column) else []
    return [column.slice(start, size) for start in range(0, len(column), size)]


def _numeric(method: Method, reference: Column) -> _Measure:
    whole = _held(reference)
    if method in ("jensen_shannon", "hellinger"):
        edges = edges_of(np.sort(whole), "doane", whole)
        then = counts_between(np.sort(whole), edges) / whole.size
        return lambda chunk: _over_bins(method, then, edges, chunk)
    ordered = np.sort(whole)
    if whole.size < _EXACT:
        return lambda chunk: _exactly(method, ordered, chunk)
    low, high = float(ordered[0]), float(ordered[-1])
    if method == "wasserstein" and low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    reached = np.cumsum(counts_between(ordered, edges) / ordered.size)
    return lambda chunk: _estimated(method, edges, reached, chunk)


def _over_bins(
    method: Method, then: Floats, edges: Floats, chunk: Column
) -> tuple[float, float | None]:
    values = np.sort(_held(chunk))
    if values.size == 0:
        return math.nan, None
    return _distance(method, then, counts_between(values, edges) / values.size), None


def _exactly(method: Method, ordered: Floats, chunk: Column) -> tuple[float, float | None]:
    values = np.sort(_held(chunk))
    if values.size == 0:
        return math.nan, None
    found = distances(ordered, values)
    return (found.largest if method == "kolmogorov_smirnov" else found.area), None


def _estimated(
    method: Method, edges: Floats, reached: Floats, chunk: Column
) -> tuple[float, float | None]:
    values = np.sort(_held(chunk))
    if values.size == 0:
        return math.nan, None
    now = np.cumsum(counts_between(values, edges) / values.size)
    below, above = values[values < edges[0]], values[values > edges[-1]]
    if method == "kolmogorov_smirnov":
        return float(np.max(np.abs(reached - (below.size / values.size + now)))), None
    # What lies outside counts with the edge as one more value, as NannyML has it.
    outside = amount = 0.0
    if below.size:
        amount = (below.size + 1) / values.size
        x, y = _steps(np.append(below, edges[0]))
        outside += amount * float(np.sum(y[:-1] * np.diff(x)))
    if above.size:
        x, y = _steps(np.append(edges[-1], above))
        outside += (above.size + 1) / values.size * float(np.sum((1.0 - y)[:-1] * np.diff(x)))
    within = float(np.sum(np.abs(reached - (now + amount)) * (edges[1] - edges[0])))
    return within + outside, None


def _steps(values: Floats) -> tuple[Floats, Floats]:
    x, counts = np.unique(values, return_counts=True)
    return x, np.cumsum(counts) / values.size


def _levels(method: Method, reference: Column) -> _Measure:
    counted = pc.value_counts(level_values(reference).drop_null())
    names = counted.field("values")
    counts = counted.field("counts").to_numpy().astype(np.float64)
    return lambda chunk: _of_levels(method, names, counts, chunk)


def _of_levels(
    method: Method, names: pa.Array, counts: Floats, chunk: Column
) -> tuple[float, float | None]:
    values = level_values(chunk).drop_null()
    if len(values) == 0:
        return math.nan, None
    places = pc.index_in(values, value_set=names)
    known = places.drop_null()
    codes = known.to_numpy() if not isinstance(known, pa.Array) else known.to_numpy(False)
    now = np.bincount(codes, minlength=counts.size).astype(np.float64)
    if method in ("jensen_shannon", "hellinger"):
        return _distance(method, counts / counts.sum(), now / len(values)), None
    fresh = pc.value_counts(values.filter(places.is_null())).field("counts").to_numpy()
    then = np.append(counts, np.zeros(fresh.size))
    now = np.append(now, fresh)
    if method == "l_infinity":
        return float(np.abs(then / then.sum() - now / now.sum()).max()), None
    if then.size == 2:
        found = _corrected(then, now)
        return found.statistic, found.p_value
    found = chi_square(then, now)
    return found.statistic, found.p_value


def _corrected(then: Floats, now: Floats) -> Test:
    # With one degree of freedom SciPy's default, and so NannyML, corrects for continuity (Yates).
    table = np.array([then, now])
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    gap = expected - table
    table = table + np.minimum(0.5, np.abs(gap)) * np.sign(gap)
    value = float(((table - expected) ** 2 / expected).sum())
    return Test(value, chi_square_sf(value, 1))


def _distance(method: Method, then: Floats, now: Floats) -> float:
    # Rounding can leave a cell of 1e-16, and NannyML takes it for one.
    left_over = 1.0 - float(np.sum(now))
    if left_over > 0.0:
        then, now = np.append(then, 0.0), np.append(now, left_over)
    if method == "hellinger":
        return float(np.sqrt(np.sum((np.sqrt(then) - np.sqrt(now)) ** 2)) / math.sqrt(2.0))
    then, now = then / then.sum(), now / now.sum()
    middle = (then + now) / 2.0
    total = sum(
        float(np.sum(part[part > 0.0] * np.log(part[part > 0.0] / middle[part > 0.0])))
        for part in (then, now)
    )
    return math.sqrt(max(total, 0.0) / (2.0 * math.log(2.0)))


def _held(column: Column) -> Floats:
    values = numeric_values(column)
    return values[~np.isnan(values)]


def _share_missing(column: Column) -> float:
    return column.null_count / len(column) if len(column) else 0.0
