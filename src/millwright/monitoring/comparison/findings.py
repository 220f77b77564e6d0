"""What is wrong with a column besides drift: missing values, ranges, categories, constants."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from millwright.monitoring.comparison.measures import LevelsMeasured
from millwright.monitoring.comparison.samples import Ints, Levels, Numbers, Sample
from millwright.monitoring.statistics.contingency import two_proportions

_NAMED = 3
_LEAST_CHANGE = 0.01
_SURE = 1e-4


def missing_finding(reference: Sample, current: Sample) -> list[str]:
    """A sentence where the share of missing values has changed by more than chance."""
    if not reference.rows or not current.rows:
        return ["The reference has no rows." if not reference.rows else "There are no rows."]
    then, now = reference.missing / reference.rows, current.missing / current.rows
    if now == 1.0 and then < 1.0:
        return ["Every value is missing."]
    test = two_proportions(
        [reference.missing, reference.rows - reference.missing],
        [current.missing, current.rows - current.missing],
    )
    if abs(now - then) < _LEAST_CHANGE or test.p_value > _SURE:
        return []
    return [f"Missing values went from {then:.1%} to {now:.1%}."]


def number_findings(reference: Numbers, current: Numbers) -> list[str]:
    """Ranges left, constants, infinities."""
    found = missing_finding(reference, current)
    then, now = reference.finite, current.finite
    endless = current.ordered.size - now.size
    if endless and reference.ordered.size == then.size:
        found.append(f"{endless:,} values are infinite; the reference has none.")
    if not then.size or not now.size:
        return found
    if now[0] == now[-1] and then[0] < then[-1]:
        found.append(f"It has become constant: {now[0]:.6g} in every row.")
    if then[0] == then[-1] and (now[0] != then[0] or now[-1] != then[0]):
        found.append(f"It was constant ({then[0]:.6g}) in the reference.")
        return found
    below = int(np.searchsorted(now, then[0], side="left"))
    above = now.size - int(np.searchsorted(now, then[-1], side="right"))
    if below + above > _LEAST_CHANGE * now.size:
        found.append(
            f"{(below + above) / now.size:.1%} of the values lie outside the reference's range"
            f" {then[0]:.6g} to {then[-1]:.6g}."
        )
    return found


def level_findings(reference: Levels, current: Levels, measured: LevelsMeasured) -> list[str]:
    """Categories that are new or gone, constants."""
    found = missing_finding(reference, current)
    if not reference.held or not current.held or reference.text or current.text:
        return found
    new = np.flatnonzero((measured.then == 0) & (measured.now > 0))
    if new.size:
        share = float(measured.now[new].sum()) / current.held
        found.append(f"New, in {share:.2%} of the rows: {_some(measured.names, new)}.")
    expected = measured.then / reference.held * current.held
    gone = np.flatnonzero((measured.now == 0) & (expected >= 20.0))
    if gone.size:
        found.append(f"Gone: {_some(measured.names, gone)}.")
    if len(current.values) == 1 and len(reference.values) > 1:
        found.append("Every row has the same category.")
    return found


def table_findings(reference: pa.Table, current: pa.Table) -> tuple[str, ...]:
    """Columns that are lost or new, and types that have changed."""
    then, now = reference.column_names, current.column_names
    found = []
    lost = [name for name in then if name not in now]
    new = [name for name in now if name not in then]
    if lost:
        found.append(f"Missing from the current table: {', '.join(lost)}.")
    if new:
        found.append(f"Not in the reference: {', '.join(new)}.")
    found += [
        f"'{name}' was {reference.schema.field(name).type} and is {current.schema.field(name).type}."
        for name in then
        if name in now and _family(reference[name].type) != _family(current[name].type)
    ]
    return tuple(found)


def _family(kind: pa.DataType) -> str:
    # How text is laid out in memory is of no interest, nor whether it is a dictionary.
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    text = str(kind)
    return "string" if "string" in text and not pa.types.is_nested(kind) else text


def _some(names: pa.Array, places: Ints) -> str:
    named = ", ".join(f"'{str(v)[:40]}'" for v in names.take(pa.array(places[:_NAMED])).to_pylist())
    more = f" and {places.size - _NAMED:,} more" if places.size > _NAMED else ""
    return f"{named}{more}"
