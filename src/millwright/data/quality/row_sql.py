"""Checks about rows as SQL: true where a row breaks the check, null where it does not count.

Pure. Values of people appear as literals only, columns as quoted identifiers that exist, and
expressions pass ``expressions.to_sql``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from millwright.data.quality import arguments as given
from millwright.data.quality.arguments import Scalar
from millwright.data.quality.expressions import identifier, literal, to_sql, unknown_column
from millwright.data.quality.records import Check
from millwright.data.quality.vocabulary import parsed_arguments
from millwright.kernel.errors import InvalidInput

Family = Literal["number", "text", "boolean", "time", "other"]
Families = Mapping[str, Family]


def broken_sql(check: Check, families: Families) -> str | None:
    """The SQL for a check of a kind that SQL can judge row by row; None for other kinds.

    Raises:
        InvalidInput: a column does not exist, or the check does not fit what it holds.
    """
    build = _BUILDERS.get(check.kind)
    if build is None:
        return None
    require_columns(check, families)
    broken = build(check, parsed_arguments(check.kind, check.arguments), families)
    return within(check, broken, families)


def within(check: Check, value: str, families: Families) -> str:
    """SQL that is null for rows outside the check's ``where``."""
    if not check.where:
        return value
    return f"CASE WHEN {to_sql(check.where, families)} THEN {value} END"


def require_columns(check: Check, families: Families) -> None:
    """Raise ``InvalidInput`` when a column of the check does not exist."""
    for column in check.columns:
        if column not in families:
            raise unknown_column(column, families)


def typed(value: Scalar, family: Family) -> str | None:
    """A value as SQL that a column of that family can be compared with; None if it cannot."""
    if value is None:
        return None
    if family == "time":
        return _moment(value) if isinstance(value, str) else None
    if family == "number":
        known = int(value) if isinstance(value, bool) else value
        return literal(known) if isinstance(known, int | float) else None
    if family == "boolean":
        return literal(bool(value)) if value in (True, False) else None
    return literal(value) if isinstance(value, str) else None


def _moment(text: str) -> str | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{moment.isoformat(sep=' ')}'"


def bound(value: Scalar, family: Family, check: Check) -> str:
    """A bound as SQL; ``InvalidInput`` when the column cannot be compared with it."""
    written = typed(value, family)
    if written is None:
        raise InvalidInput(
            "data.bad_bound",
            f"Column '{check.column}' holds {_FAMILIES[family]}, which {value!r} does not bound.",
            hint="Give bounds of the column's own kind.",
            value=value,
        )
    return written


def bounds_sql(value: str, limits: given.Bounds, family: Family, check: Check) -> str:
    """True where a value lies outside the bounds, null where it is null."""
    outside = []
    if limits.minimum is not None:
        sign = "<=" if limits.strict_minimum else "<"
        outside.append(f"{value} {sign} {bound(limits.minimum, family, check)}")
    if limits.maximum is not None:
        sign = ">=" if limits.strict_maximum else ">"
        outside.append(f"{value} {sign} {bound(limits.maximum, family, check)}")
    if not outside:
        raise InvalidInput("data.no_bounds", "A check 'between' needs a minimum or a maximum.")
    return f"({' OR '.join(outside)})"


_FAMILIES: Final = {
    "number": "numbers",
    "text": "text",
    "boolean": "true or false",
    "time": "moments",
    "other": "nested or binary values",
}


def _one(check: Check) -> str:
    return identifier(check.columns[0])


def _null(check: Check, _: given.NoArguments, __: Families) -> str:
    return f"({_one(check)} IS NULL)"


def _not_null(check: Check, _: given.NoArguments, __: Families) -> str:
    return f"({_one(check)} IS NOT NULL)"


def _between(check: Check, limits: given.Bounds, families: Families) -> str:
    return bounds_sql(_one(check), limits, families[check.columns[0]], check)


def _lengths(check: Check, limits: given.Bounds, families: Families) -> str:
    return bounds_sql(f"length({text_sql(check, families)})", limits, "number", check)


def _within(check: Check, members: given.Members, families: Families, word: str) -> str:
    family = families[check.columns[0]]
    known = [value for value in (typed(member, family) for member in members.values) if value]
    if not known:
        # Nothing is in an empty set; a missing value does not count.
        outside = "true" if word == "NOT IN" else "false"
        return f"CASE WHEN {_one(check)} IS NOT NULL THEN {outside} END"
    return f"({_one(check)} {word} ({', '.join(known)}))"


def _in_set(check: Check, members: given.Members, families: Families) -> str:
    return _within(check, members, families, "NOT IN")


def _not_in_set(check: Check, members: given.Members, families: Families) -> str:
    return _within(check, members, families, "IN")


def text_sql(check: Check, families: Families) -> str:
    """The check's column as text."""
    column = _one(check)
    return column if families[check.columns[0]] == "text" else f"CAST({column} AS VARCHAR)"


def _found(check: Check, patterns: given.Patterns, families: Families) -> str:
    text = text_sql(check, families)
    parts = [f"regexp_matches({text}, {literal(pattern)})" for pattern in patterns.patterns]
    return "(" + (" OR " if patterns.match == "any" else " AND ").join(parts) + ")"


def _alike(check: Check, patterns: given.LikePatterns, families: Families) -> str:
    text = text_sql(check, families)
    escape = f" ESCAPE {literal(patterns.escape)}" if patterns.escape else ""
    parts = [f"{text} LIKE {literal(pattern)}{escape}" for pattern in patterns.patterns]
    return "(" + (" OR " if patterns.match == "any" else " AND ").join(parts) + ")"


def ignored_sql(columns: list[str], ignore: given.Ignored) -> str | None:
    """True for rows that several columns leave out; None where none is."""
    nulls = [f"{column} IS NULL" for column in columns]
    if ignore == "never":
        return None
    return "(" + (" AND " if ignore == "all" else " OR ").join(nulls) + ")"


def _counted(check: Check, broken: str, ignore: given.Ignored) -> str:
    left_out = ignored_sql([identifier(column) for column in check.columns], ignore)
    held = f"coalesce({broken}, true)"
    return held if left_out is None else f"CASE WHEN NOT {left_out} THEN {held} END"


def _pair_greater(check: Check, pair: given.Pair, _: Families) -> str:
    left, right = (identifier(column) for column in check.columns)
    sign = ">=" if pair.or_equal else ">"
    return _counted(check, f"NOT ({left} {sign} {right})", pair.ignore)


def _pair_equal(check: Check, pair: given.Pair, _: Families) -> str:
    left, right = (identifier(column) for column in check.columns)
    return _counted(check, f"NOT ({left} = {right})", pair.ignore)


def _pair_in_set(check: Check, members: given.PairMembers, families: Families) -> str:
    left, right = check.columns
    parts = []
    for one, other in members.pairs:
        sides = []
        for column, value in ((left, one), (right, other)):
            written = typed(value, families[column])
            if written is None and value is not None:
                sides.append("false")
            else:
                sides.append(f"{identifier(column)} IS NOT DISTINCT FROM {written or 'NULL'}")
        parts.append(f"({' AND '.join(sides)})")
    return _counted(check, f"NOT ({' OR '.join(parts) or 'false'})", members.ignore)


def _sum(check: Check, total: given.Total, _: Families) -> str:
    added = " + ".join(identifier(column) for column in check.columns)
    return _counted(check, f"NOT ({added} = {literal(total.total)})", total.ignore)


def _equal(check: Check, several: given.Several, _: Families) -> str:
    first, *others = (identifier(column) for column in check.columns)
    same = " AND ".join(f"{first} IS NOT DISTINCT FROM {other}" for other in others) or "true"
    return _counted(check, f"NOT ({same})", several.ignore)


def _distinct(check: Check, several: given.Several, families: Families) -> str:
    names = list(check.columns)
    pairs = []
    for i, left in enumerate(names):
        for right in names[i + 1 :]:
            a, b = identifier(left), identifier(right)
            if families[left] == families[right]:
                pairs.append(f"{a} IS NOT DISTINCT FROM {b}")
            else:
                # Values of different kinds are never equal; two missing ones are.
                pairs.append(f"({a} IS NULL AND {b} IS NULL)")
    return _counted(check, f"({' OR '.join(pairs) or 'false'})", several.ignore)


def _satisfies(check: Check, wanted: given.Expression, families: Families) -> str:
    return f"(NOT {to_sql(wanted.expression, families)})"


_Builder = Callable[[Check, Any, Families], str]
_BUILDERS: Final[dict[str, _Builder]] = {
    "not_null": _null,
    "is_null": _not_null,
    "between": _between,
    "length_between": _lengths,
    "in_set": _in_set,
    "not_in_set": _not_in_set,
    "matches": lambda check, patterns, families: f"(NOT {_found(check, patterns, families)})",
    "not_matches": _found,
    "like": lambda check, patterns, families: f"(NOT {_alike(check, patterns, families)})",
    "not_like": _alike,
    "pair_greater": _pair_greater,
    "pair_equal": _pair_equal,
    "pair_in_set": _pair_in_set,
    "columns_sum": _sum,
    "columns_equal": _equal,
    "columns_distinct": _distinct,
    "satisfies": _satisfies,
}
