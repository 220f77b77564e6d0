"""What has to hold for a dataset: proposed from a reference, confirmed by a person, checked."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.data.schema import Column, infer_schema
from millwright.kernel.record import Record

Check = Literal["type", "not_null", "range", "allowed_values", "unique", "min_rows"]
Status = Literal["proposed", "confirmed"]
Severity = Literal["warning", "error"]

RANGE_MARGIN: Final = 0.5
"""An inferred range reaches this share of the observed span beyond it on both sides …"""
TAIL_MARGIN: Final = 3.0
"""… and at least this many times the length of the observed tail (beyond 1 % or 99 %): the longer
a tail is, the further out the next of 3,000 values may lie."""
FAR_OUT: Final = 8.0
"""Values this many times the distance between the 1st and the 99th percentile beyond them are
taken for mistakes, and do not widen an inferred range."""
MAX_ALLOWED_LEVELS: Final = 50
MIN_ROWS_TO_INFER_LEVELS: Final = 100
NULL_TOLERANCE: Final = 0.02
"""Share of nulls, beyond the share seen in the reference, that still passes."""
LEVEL_TOLERANCE: Final = 0.005
"""Share of rows with an unseen value that still passes: new carriers and airports do appear."""
MIN_ROWS_SHARE: Final = 0.05
"""An inferred ``min_rows`` is this share of the reference's rows."""


class Rule(Record):
    """One statement about a dataset.

    A proposed rule warns when it fails; a confirmed one blocks. ``tolerance`` is the share of rows
    that may break it.
    """

    id: str
    """``column:check``, unique within a rule set."""
    column: str | None
    check: Check
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] = ()
    """Allowed values, or for ``type`` the one Arrow type."""
    tolerance: float = 0.0
    status: Status = "proposed"

    @property
    def severity(self) -> Severity:
        """Whether a failure stops the work."""
        return "error" if self.status == "confirmed" else "warning"

    @property
    def sentence(self) -> str:
        """The rule for people."""
        share = f" (up to {self.tolerance:.1%} of rows may differ)" if self.tolerance else ""
        texts: dict[Check, str] = {
            "type": f"{self.column} holds {' or '.join(self.values)}",
            "not_null": f"{self.column} has a value{share}",
            "range": f"{self.column} is between {_shown(self.minimum)} and "
            f"{_shown(self.maximum)}{share}",
            "allowed_values": f"{self.column} is one of {len(self.values)} known values{share}",
            "unique": f"{self.column} never repeats",
            "min_rows": f"there are at least {_shown(self.minimum)} rows",
        }
        return texts[self.check]


class RuleSet(Record):
    """The rules of a dataset."""

    rules: tuple[Rule, ...] = ()


def infer_rules(table: pa.Table) -> RuleSet:
    """Propose rules that the table, and fresh data of the same process, pass.

    - every column keeps its type, and has hardly more nulls than here (``NULL_TOLERANCE``)
    - numbers stay within the observed range and a margin (``RANGE_MARGIN``); observed values that
      are absurdly far out (``FAR_OUT``) do not count, so such a mistake fails its own rule
    - categories stay within the observed values, apart from a few rows (``LEVEL_TOLERANCE``)
    - ids that never repeat do not start to
    """
    least = max(1, int(table.num_rows * MIN_ROWS_SHARE))
    rules = [Rule(id="table:min_rows", column=None, check="min_rows", minimum=float(least))]
    for column in infer_schema(table).columns:
        if column.kind != "unusable":
            rules.extend(_rules_of_column(column, table[column.name]))
    return RuleSet(rules=tuple(rules))


def _rules_of_column(column: Column, values: pa.ChunkedArray) -> list[Rule]:
    name = column.name
    # Whole numbers with a gap come back from some tools as floats: both are the same quantity.
    types = ("int64", "double") if column.type in ("int64", "double") else (column.type,)
    rules = [_rule(name, "type", values=types)]
    nulls = column.nulls / len(values)
    if nulls + NULL_TOLERANCE < 0.5:
        tolerance = 0.0 if nulls == 0 and column.kind in ("id", "time") else nulls + NULL_TOLERANCE
        rules.append(_rule(name, "not_null", tolerance=round(tolerance, 4)))
    if column.kind == "numeric":
        bounds = _tolerant_range(values)
        if bounds is not None:
            low, high = bounds
            rules.append(_rule(name, "range", minimum=low, maximum=high))
    few = column.distinct <= MAX_ALLOWED_LEVELS and len(values) >= MIN_ROWS_TO_INFER_LEVELS
    if column.kind == "categorical" and few:
        levels = tuple(sorted(v for v in values.unique().to_pylist() if v is not None))
        rules.append(_rule(name, "allowed_values", values=levels, tolerance=LEVEL_TOLERANCE))
    if column.kind == "id" and column.nulls == 0 and column.distinct == len(values):
        rules.append(_rule(name, "unique"))
    return rules


def _rule(
    name: str,
    check: Check,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    values: tuple[str, ...] = (),
    tolerance: float = 0.0,
) -> Rule:
    return Rule(
        id=f"{name}:{check}",
        column=name,
        check=check,
        minimum=minimum,
        maximum=maximum,
        values=values,
        tolerance=tolerance,
    )


def _tolerant_range(values: pa.ChunkedArray) -> tuple[float, float] | None:
    numbers = pc.cast(values.drop_null(), pa.float64(), safe=False).to_numpy()
    numbers = numbers[np.isfinite(numbers)]
    if len(numbers) == 0:
        return None
    first, last = (float(q) for q in np.quantile(numbers, (0.01, 0.99)))
    reach = FAR_OUT * (last - first)
    if reach > 0:
        numbers = numbers[(numbers >= first - reach) & (numbers <= last + reach)]
    low, high = float(numbers.min()), float(numbers.max())
    margin = RANGE_MARGIN * (high - low) if high > low else max(1.0, abs(high)) * RANGE_MARGIN
    below = max(margin, TAIL_MARGIN * (first - low))
    above = max(margin, TAIL_MARGIN * (high - last))
    # A quantity that is never negative (a distance, a count) stays so.
    return (0.0 if low >= 0 else low - below), high + above


def _shown(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.4g}"
