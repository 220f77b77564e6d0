"""What a check concludes from what a scan remembered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from millwright.data.quality import arguments as given
from millwright.data.quality.arguments import Scalar
from millwright.data.quality.reducers import BrokenRows
from millwright.data.quality.row_sql import Family, typed
from millwright.data.quality.sentences import shown
from millwright.kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Finding:
    """The conclusion of one check; ``broken`` where it judges rows."""

    passed: bool
    rows: int
    failed_rows: int = 0
    observed: Any = None
    message: str = ""
    broken: BrokenRows | None = None


def of_rows(broken: BrokenRows, counted: int, mostly: float, failed: int | None = None) -> Finding:
    """A check about rows: it holds when enough of the counted rows do, and where none counts."""
    count = broken.count if failed is None else failed
    passed = counted == 0 or (counted - count) / counted >= mostly
    text = f"{count:,} of {counted:,} rows break it." if count else "No row breaks it."
    return Finding(passed, counted, count, None, text, broken)


def of_value(
    observed: Any, limits: given.Bounds, family: Family, rows: int, unit: str = ""
) -> Finding:
    """A check of one statistic against bounds; a statistic of nothing holds for no bound."""
    if isinstance(observed, float) and math.isnan(observed):
        observed = None
    if limits.minimum is None and limits.maximum is None:
        return Finding(True, rows, 0, observed, _it_is(observed, unit))
    if observed is None:
        return Finding(False, rows, 0, None, "There is no value to take it of.")
    low, high = _comparable(limits.minimum, family), _comparable(limits.maximum, family)
    above = low is None or (observed > low if limits.strict_minimum else observed >= low)
    below = high is None or (observed < high if limits.strict_maximum else observed <= high)
    return Finding(above and below, rows, 0, observed, _it_is(observed, unit))


def _it_is(observed: Any, unit: str) -> str:
    return f"It is {shown(observed)}{unit}."


def _comparable(bound: Scalar, family: Family) -> Any:
    if bound is None:
        return None
    if typed(bound, family) is None:
        raise InvalidInput(
            "data.bad_bound",
            f"{bound!r} does not bound a column of this kind ({family}).",
            hint="Give bounds of the column's own kind.",
            value=bound,
        )
    if family != "time":
        return bound
    from datetime import UTC, datetime

    moment = datetime.fromisoformat(str(bound))
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def of_sets(
    kind: str, distinct: Mapping[Any, int], members: given.Members, family: Family
) -> Finding:
    """Checks of the set of distinct values."""
    wanted = {_member(value, family) for value in members.values} - {None}
    held = set(distinct)
    foreign, lacking = held - wanted, wanted - held
    passed = {
        "distinct_in_set": not foreign,
        "distinct_contain": not lacking,
        "distinct_equal": not foreign and not lacking,
    }[kind]
    parts = []
    if foreign and kind != "distinct_contain":
        parts.append(f"It also holds {_few(foreign)}.")
    if lacking and kind != "distinct_in_set":
        parts.append(f"It lacks {_few(lacking)}.")
    rows = sum(distinct.values())
    message = " ".join(parts) or f"It holds {len(held):,} distinct values."
    # Counted as Great Expectations does: values, not rows, that should not be there.
    unexpected = 0 if kind == "distinct_contain" else len(foreign)
    return Finding(passed, rows, unexpected, len(held), message)


def _member(value: Scalar, family: Family) -> Any:
    return None if typed(value, family) is None else _comparable(value, family)


def _few(values: set[Any]) -> str:
    listed = sorted(str(value) for value in values)
    more = f" and {len(listed) - 5:,} more" if len(listed) > 5 else ""
    return ", ".join(listed[:5]) + more


def of_most_common(counts: Mapping[Any, int], wanted: given.MostCommon, family: Family) -> Finding:
    """The most frequent values: one of a set, and only one unless ties are allowed."""
    rows = sum(counts.values())
    most = max(counts.values(), default=0)
    modes = [value for value, count in counts.items() if count == most]
    members = {_member(value, family) for value in wanted.values} - {None}
    passed = (
        bool(members.intersection(modes))
        if wanted.ties
        else (len(modes) == 1 and modes[0] in members)
    )
    observed = tuple(sorted(str(mode) for mode in modes)[:5])
    return Finding(passed, rows, 0, observed, f"Most common: {', '.join(observed) or 'nothing'}.")


def _in_range(value: float, low: float | None, high: float | None) -> bool:
    # A quantile at a bound lies in the range, up to a ten-thousandth, as in Great Expectations.
    near = any(
        bound is not None and abs(value - bound) <= 1e-8 + 1e-4 * abs(bound)
        for bound in (low, high)
    )
    return near or ((low is None or value >= low) and (high is None or value <= high))


def of_ranges(values: list[float | None], wanted: given.Quantiles, rows: int) -> Finding:
    """Quantiles, each in its range."""
    inside = [
        value is not None and _in_range(value, low, high)
        for value, (low, high) in zip(values, wanted.ranges, strict=True)
    ]
    told = ", ".join(
        f"{share:.4g}: {shown(value)}"
        for share, value in zip(wanted.quantiles, values, strict=True)
    )
    return Finding(all(inside), rows, 0, tuple(values), f"Quantiles {told}.")
