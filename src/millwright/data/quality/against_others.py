"""Checks against something else: other datasets, earlier versions, the clock."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from millwright.data.quality import arguments as given
from millwright.data.quality.expressions import identifier, literal
from millwright.data.quality.findings import Finding, of_value
from millwright.data.quality.personal_check import personal
from millwright.data.quality.profile_records import ColumnProfile
from millwright.data.quality.records import Check
from millwright.data.quality.reducers import Counts, Hashes, Moments, Numbers, Range
from millwright.data.quality.row_sql import within
from millwright.data.quality.sentences import shown
from millwright.data.quality.vocabulary import parsed_arguments
from millwright.data.quality.world import OtherTable, World
from millwright.kernel import clock
from millwright.kernel.cells import numeric_bins
from millwright.kernel.effect_sizes import (
    cramers_v,
    jensen_shannon,
    kolmogorov_smirnov,
    population_stability_index,
)
from millwright.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from millwright.data.quality.planning import Conclusion, Scene


def relation_of(other: OtherTable) -> str:
    """Another version as what stands after FROM."""
    return f"read_parquet({literal(str(other.path))})"


def foreign_key_sql(check: Check, world: World) -> str:
    """True for a value that does not occur in the other dataset; null where one is missing."""
    wanted = parsed_arguments(check.kind, check.arguments)
    assert isinstance(wanted, given.ForeignKey)
    keys = wanted.key or check.columns
    if len(keys) != len(check.columns):
        raise InvalidInput(
            "data.foreign_key", "A foreign key needs as many key columns as it has columns."
        )
    other = world.table(wanted.dataset)
    here = ", ".join(identifier(column) for column in check.columns)
    there = ", ".join(identifier(key) for key in keys)
    known = " AND ".join(f"{identifier(key)} IS NOT NULL" for key in keys)
    complete = " AND ".join(f"{identifier(column)} IS NOT NULL" for column in check.columns)
    if len(keys) > 1:
        here, there = f"row({here})", f"row({there})"
    inside = f"SELECT {there} FROM {relation_of(other)} WHERE {known}"  # noqa: S608
    return f"CASE WHEN {complete} THEN {here} NOT IN ({inside}) END"


def _row_count(check: Check, wanted: given.OtherDataset, scene: Scene) -> Conclusion:
    other = scene.world.table(wanted.dataset)
    told = f"It has {scene.rows:,} rows, {other.reference} has {other.rows:,}."
    return lambda: Finding(scene.rows == other.rows, scene.rows, 0, scene.rows, told)


def _same_rows(check: Check, wanted: given.SameRows, scene: Scene) -> Conclusion:
    """Rows as hashes, compared as multisets."""
    from millwright.data.quality.comparing_rows import differing_rows

    columns = check.columns or wanted.other_columns or tuple(scene.schema.names)
    theirs = wanted.other_columns or columns
    parts = ", ".join(identifier(column) for column in columns)
    hashes = scene.shared(Hashes, f"hash({parts})")
    other = scene.world.table(wanted.dataset)

    def conclude() -> Finding:
        differing, rows = differing_rows(hashes, other, theirs, wanted.other_where)
        passed = rows == 0 or 1 - differing / rows >= check.mostly
        told = f"{differing:,} of {rows:,} rows are in only one of the two."
        return Finding(passed, rows, differing, None, told)

    return conclude


def _fresh(check: Check, wanted: given.Fresh, scene: Scene) -> Conclusion:
    if scene.families[check.columns[0]] != "time":
        raise InvalidInput(
            "data.not_moments",
            f"Column '{check.columns[0]}' does not hold moments.",
            hint="Name a column of dates or times.",
        )
    allowed = timedelta(milliseconds=clock.parse_duration(wanted.within))
    now = scene.world.now_ms
    if now is None:
        raise InvalidInput("data.no_clock", "Freshness is checked on dataset versions only.")
    moments = scene.shared(Range, within(check, identifier(check.columns[0]), scene.families))

    def conclude() -> Finding:
        if moments.greatest is None:
            return Finding(False, 0, 0, None, "There is no moment at all.")
        newest = moments.greatest.replace(tzinfo=UTC)
        age = datetime.fromtimestamp(now / 1000, UTC) - newest
        told = f"The newest is {newest.isoformat()}."
        return Finding(age <= allowed, moments.count, 0, newest.isoformat(), told)

    return conclude


def _volume(check: Check, wanted: given.Volume, scene: Scene) -> Conclusion:
    before = scene.world.history[:1]
    if not before:
        return lambda: Finding(True, scene.rows, 0, None, "There is no version before.")
    share = scene.rows / max(before[0].rows, 1)
    limits = given.Bounds(minimum=wanted.minimum, maximum=wanted.maximum)
    told = f" of the {before[0].rows:,} rows before"
    return lambda: of_value(share, limits, "number", scene.rows, told)


def _anomaly(check: Check, wanted: given.Anomaly, scene: Scene) -> Conclusion:
    column = check.columns[0] if check.columns else None
    if column is None and wanted.statistic != "rows":
        raise InvalidInput("data.check_columns", "Name the column of the statistic.")
    past = [_of_profile(profile, column, wanted.statistic) for profile in scene.world.history]
    known = [value for value in past if value is not None]
    now = _of_scan(column, wanted.statistic, scene)
    if len(known) < wanted.history:
        told = f"{len(known)} earlier versions have it; {wanted.history} are needed."
        return lambda: Finding(True, scene.rows, 0, now(), told)

    def conclude() -> Finding:
        value = now()
        middle = statistics.median(known)
        spread = 1.4826 * statistics.median(abs(each - middle) for each in known)
        reach = max(wanted.factor * spread, wanted.least * abs(middle))
        told = f"It is {shown(value)}; it was about {shown(middle)}, give or take {shown(reach)}."
        passed = value is not None and abs(value - middle) <= reach
        return Finding(passed, scene.rows, 0, value, told)

    return conclude


def _of_profile(profile: Any, column: str | None, statistic: str) -> float | None:
    if column is None:
        return float(profile.rows)
    found: ColumnProfile | None = next((c for c in profile.columns if c.name == column), None)
    if found is None:
        return None
    # Shares, where the size of a version would decide.
    if statistic in ("rows", "nulls", "distinct"):
        if statistic == "rows":
            return float(profile.rows)
        count = found.nulls if statistic == "nulls" else found.distinct
        return float(count / max(profile.rows, 1))
    value = getattr(found, statistic)
    return None if value is None else float(value)


def _of_scan(column: str | None, statistic: str, scene: Scene) -> Callable[[], float | None]:
    if column is None or statistic == "rows":
        return lambda: float(scene.rows)
    name = identifier(column)
    if statistic == "distinct":
        hashes = scene.shared(Hashes, scene.identity(column))
        return lambda: hashes.distinct / max(scene.rows, 1)
    if statistic in ("mean", "deviation"):
        moments = scene.shared(Moments, name)
        return lambda: _of_moments(moments, statistic)
    bounds = scene.shared(Range, name)
    if statistic == "nulls":
        return lambda: 1 - bounds.count / max(scene.rows, 1)

    def take() -> float | None:
        value = bounds.least if statistic == "minimum" else bounds.greatest
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC).timestamp() * 1000
        return None if value is None else float(value)

    return take


def _of_moments(moments: Moments, statistic: str) -> float | None:
    if statistic == "mean":
        return moments.mean if moments.count else None
    if moments.deviation is None:
        return None
    # Profiles tell the deviation of a population.
    return float(moments.deviation * ((moments.count - 1) / moments.count) ** 0.5)


def _distribution(check: Check, wanted: given.Distribution, scene: Scene) -> Conclusion:
    from millwright.data.quality.references import reference_counts, reference_numbers

    if not wanted.dataset and not scene.world.history:
        return lambda: Finding(True, scene.rows, 0, None, "There is no version before.")
    other = scene.world.table(wanted.dataset)
    sql = within(check, identifier(check.columns[0]), scene.families)
    if scene.families[check.columns[0]] == "number":
        numbers = scene.shared(Numbers, sql)

        def of_numbers() -> Finding:
            then = reference_numbers(other, check, scene.families)
            now = np.concatenate([*numbers.parts(), np.empty(0)])
            return _distance(wanted, other, _between_numbers(wanted.statistic, then, now), len(now))

        return of_numbers
    counts = scene.shared(Counts, sql)

    def of_counts() -> Finding:
        then = reference_counts(other, check, scene.families)
        cells = sorted(set(then) | set(counts.counts), key=str)
        left = [then.get(cell, 0) for cell in cells]
        right = [counts.counts.get(cell, 0) for cell in cells]
        return _distance(wanted, other, _between_counts(wanted.statistic, left, right), sum(right))

    return of_counts


def _distance(wanted: given.Distribution, other: OtherTable, value: float, rows: int) -> Finding:
    told = f"The distance from {other.reference} is {value:.4g}."
    return Finding(value <= wanted.threshold, rows, 0, value, told)


def _between_numbers(statistic: str, then: Any, now: Any) -> float:
    if statistic == "ks":
        return kolmogorov_smirnov(then, now)
    edges = np.concatenate(([-np.inf], numeric_bins(then).edges, [np.inf]))
    left, right = (np.histogram(values, bins=edges)[0] for values in (then, now))
    return _between_counts(statistic, left, right)


def _between_counts(statistic: str, left: Sequence[int] | Any, right: Sequence[int] | Any) -> float:
    if statistic == "psi":
        return population_stability_index(left, right)
    if statistic == "chi_square":
        return cramers_v(left, right)
    if statistic == "ks":
        raise InvalidInput(
            "data.not_numbers",
            "The Kolmogorov–Smirnov distance is one of numbers.",
            hint="Take js, psi or chi_square for values of a set.",
        )
    return jensen_shannon(left, right)


PLANS: Final[dict[str, Callable[[Check, Any, Any], Any]]] = {
    "row_count_equals": _row_count,
    "same_rows": _same_rows,
    "fresh": _fresh,
    "volume": _volume,
    "anomaly": _anomaly,
    "distribution": _distribution,
    "no_personal_data": personal,
}
