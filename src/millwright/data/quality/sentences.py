"""Checks as sentences for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from millwright.data.quality.records import Check

_SHOWN: Final = 4


def sentence(check: Check) -> str:
    """What a check says, in one line."""
    from millwright.data.quality.kinds import KINDS

    given = check.arguments
    about = " and ".join(check.columns) or "the table"
    template = _SENTENCES.get(check.kind)
    text = template(about, given) if template else f"{about}: {KINDS[check.kind].meaning[:-1]}"
    if check.where:
        text += f", where {check.where}"
    if check.mostly < 1.0:
        text += f" (up to {100 * (1 - check.mostly):.3g} % of rows may differ)"
    return text


def _range(given: dict[str, Any]) -> str:
    low, high = given.get("minimum"), given.get("maximum")
    if low is not None and low == high:
        return f"exactly {shown(low)}"
    if high is None:
        return f"{'more than' if given.get('strict_minimum') else 'at least'} {shown(low)}"
    if low is None:
        return f"{'less than' if given.get('strict_maximum') else 'at most'} {shown(high)}"
    return f"between {shown(low)} and {shown(high)}"


def _some(values: Any) -> str:
    known = [shown(value) for value in values]
    if len(known) > _SHOWN:
        return f"one of {len(known)} known values"
    return "one of " + ", ".join(known)


def shown(value: Any) -> str:
    """A value for people: numbers with separators.

    >>> shown(1234567.0), shown(0.12345), shown("a"), shown(None)
    ('1,234,567', '0.1235', 'a', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


_SENTENCES: Final[dict[str, Callable[[str, dict[str, Any]], str]]] = {
    "not_null": lambda c, g: f"{c} has a value",
    "is_null": lambda c, g: f"{c} has no value",
    "between": lambda c, g: f"{c} is {_range(g)}",
    "in_set": lambda c, g: f"{c} is {_some(g['values'])}",
    "not_in_set": lambda c, g: f"{c} is not {_some(g['values'])}",
    "matches": lambda c, g: f"{c} matches " + " or ".join(g["patterns"]),
    "length_between": lambda c, g: f"{c} has {_range(g)} characters",
    "unique": lambda c, g: f"{c} never repeats",
    "has_type": lambda c, g: f"{c} holds {' or '.join(g['types'])}",
    "row_count_between": lambda c, g: f"there are {_range(g)} rows",
    "column_count_between": lambda c, g: f"there are {_range(g)} columns",
    "mean_between": lambda c, g: f"the mean of {c} is {_range(g)}",
    "median_between": lambda c, g: f"the median of {c} is {_range(g)}",
    "minimum_between": lambda c, g: f"the smallest {c} is {_range(g)}",
    "maximum_between": lambda c, g: f"the largest {c} is {_range(g)}",
    "sum_between": lambda c, g: f"the sum of {c} is {_range(g)}",
    "satisfies": lambda c, g: f"{g['expression']}",
    "columns_unique": lambda c, g: f"{c} together never repeat",
    "column_exists": lambda c, g: f"there is a column {c}",
    "foreign_key": lambda c, g: f"{c} occurs in {g['dataset']}",
    "fresh": lambda c, g: f"the newest {c} is at most {g['within']} old",
}
