"""Row conditions and queries of Great Expectations, as expressions of ours where they are ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from millwright.data.quality.expressions import identifier, literal
from millwright.kernel.errors import InvalidInput

_NULLNESS: Final = {"notNull": "is not null", "notnull": "is not null", "isnull": "is null"}
_OPERATORS: Final = {"==": "=", "IS_NULL": "is null", "IS_NOT_NULL": "is not null"} | {
    sign: sign for sign in ("!=", "<", "<=", ">", ">=")
}
_OPERAND: Final = r"(`[^`]*`|'(?:[^']|'')*'|-?[\w.]+)"
_UNEQUAL: Final = re.compile(rf"(?P<unequal>{_OPERAND}\s*!=\s*{_OPERAND})|'(?:[^']|'')*'")
"""Two operands that are unequal; or a text, in which there are none."""
_NEGATED: Final = re.compile(r"^(?:[^']|'[^']*')*?(?:\bnot\b|~)", re.IGNORECASE)
_QUERY: Final = re.compile(
    r"^\s*select\s+(?P<what>.+?)\s+from\s+\S+(?:\s+where\s+(?P<where>.+?))?\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)


def where_of(condition: str | Mapping[str, Any]) -> str:
    """A row condition (pandas, ``col("a")``, or the records of version 1) as an expression.

    Raises:
        InvalidInput: it says more than an expression can.

    >>> where_of('col("fare").notNull()')
    '"fare" is not null'
    >>> where_of('city == "Rom" and fare > 3')
    "city == 'Rom' and fare > 3"

    To pandas a missing value is unequal to every other; in SQL it is neither equal nor unequal.

    >>> where_of('city != "Rom"')
    "coalesce(city != 'Rom', true)"
    >>> where_of('city == "a != b"')
    "city == 'a != b'"
    """
    if isinstance(condition, str):
        return _of_text(condition)
    kind = condition.get("type")
    if kind in ("and", "or"):
        parts = [where_of(part) for part in condition.get("conditions", ())]
        return "(" + f" {kind} ".join(parts) + ")"
    column = condition.get("column", {})
    name = column.get("name", "") if isinstance(column, Mapping) else str(column)
    if kind == "nullity":
        return f"{identifier(name)} is {'' if condition.get('is_null') else 'not '}null"
    operator, value = str(condition.get("operator", "")), condition.get("parameter")
    if isinstance(value, Mapping):
        value = value.get("value")
    if operator in ("IN", "NOT_IN"):
        members = ", ".join(literal(item) for item in value or ())
        return f"{identifier(name)} {operator.replace('_', ' ').lower()} ({members})"
    if operator not in _OPERATORS:
        raise _beyond(str(dict(condition)))
    right = "" if operator.startswith("IS") else f" {literal(value)}"
    return f"{identifier(name)} {_OPERATORS[operator]}{right}"


def _of_text(condition: str) -> str:
    if "col(" in condition:
        named = re.sub(r"""col\(\s*["']([^"']*)["']\s*\)""", r"§\1§", condition)
        for method, words in _NULLNESS.items():
            named = named.replace(f".{method}()", f" {words}")
        quoted = re.sub(r'"([^"]*)"', lambda m: literal(m.group(1)), named)
        return re.sub(r"§([^§]*)§", r'"\1"', quoted)
    text = re.sub(r'"([^"]*)"', lambda match: literal(match.group(1)), condition)
    text = re.sub(r"(`[^`]*`|\w+)\.notnull\(\)", r"\1 is not null", text)
    text = re.sub(r"(`[^`]*`|\w+)\.isnull\(\)", r"\1 is null", text)
    if _NEGATED.search(re.sub("is not null", "", text)):
        raise _beyond(condition)
    return _UNEQUAL.sub(
        lambda found: f"coalesce({found[0]}, true)" if found["unequal"] else found[0], text
    )


def expression_of_query(query: str) -> str:
    """What has to hold so that ``SELECT … FROM {batch} WHERE …`` finds no row.

    Raises:
        InvalidInput: the query joins, groups, or has no condition.

    >>> expression_of_query("SELECT * FROM {batch} WHERE fare < 0")
    'not coalesce(fare < 0, false)'
    """
    match = _simple(query)
    if not match.group("where"):
        raise _beyond(query)
    return f"not coalesce({match.group('where')}, false)"


def comparison_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """``expect_query_results_to_match_comparison`` between columns of two datasets."""
    theirs = _simple(str(arguments["comparison_query"]))
    ours = _simple(str(arguments.get("base_query", "select * from {batch}")))
    if ours.group("where") or _names(ours.group("what")) not in ((), _names(theirs.group("what"))):
        raise _beyond(str(arguments.get("base_query")))
    return {
        "dataset": arguments["comparison_data_source_name"],
        "other_columns": list(_names(theirs.group("what"))),
        "other_where": theirs.group("where") or "",
    }


def _simple(query: str) -> re.Match[str]:
    match = _QUERY.match(query)
    beyond = r"\b(join|group\s+by|having|union|limit|order\s+by|select)\b"
    if match is None or re.search(beyond, query[match.start("what") :], re.IGNORECASE):
        raise _beyond(query)
    return match


def _names(what: str) -> tuple[str, ...]:
    if what.strip() == "*":
        return ()
    return tuple(name.strip().strip('"`') for name in what.split(","))


def _beyond(what: str) -> InvalidInput:
    return InvalidInput(
        "data.untranslatable",
        f"'{what[:200]}' says more than an expression over one table's rows can.",
        hint="Write the condition as an expression: kind 'satisfies', expression 'fare >= 0'.",
        value=what[:200],
    )
