"""Comparators of the filter grammar as SQL, alike on SQLite and PostgreSQL.

``LIKE`` is case-sensitive, as MLflow has it: SQLite does not know such a ``LIKE`` and is asked with
``GLOB``. Values are always bound, never written into the statement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, not_

from millwright.tracking.mlflow.errors import invalid

MAX_PATTERN = 500
_NESTED = re.compile(r"[+*}][^()]*\)\s*[+*{]")


def compare(
    dialect: str,
    column: ColumnElement[Any],
    comparator: str,
    value: str | int | float | Sequence[str],
) -> ColumnElement[bool]:
    """``column`` compared with ``value``.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        column: what is compared.
        comparator: one of the grammar's, in capitals; the caller has checked that it fits.
        value: text, a number, or texts for ``IN`` and ``NOT IN``.

    Raises:
        MlflowError: a regular expression is not usable.
    """
    if comparator == "IN":
        return column.in_(list(value))  # type: ignore[arg-type]
    if comparator == "NOT IN":
        return not_(column.in_(list(value)))  # type: ignore[arg-type]
    if comparator == "LIKE":
        return _like(dialect, column, str(value))
    if comparator == "ILIKE":
        return func.lower(column).like(str(value).lower())
    if comparator == "RLIKE":
        return column.regexp_match(_safe_pattern(str(value)))
    simple = {
        "=": column.__eq__,
        "!=": column.__ne__,
        "<>": column.__ne__,
        ">": column.__gt__,
        ">=": column.__ge__,
        "<": column.__lt__,
        "<=": column.__le__,
    }
    return simple[comparator](value)


def glob_of(pattern: str) -> str:
    """A ``LIKE`` pattern as ``GLOB`` reads it.

    >>> glob_of("a%_*")
    'a*?[*]'
    """
    kinds = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}
    return "".join(kinds.get(letter, letter) for letter in pattern)


def _like(dialect: str, column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    if dialect == "sqlite":
        return column.op("GLOB", is_comparison=True)(glob_of(pattern))
    return column.like(pattern)


def _safe_pattern(pattern: str) -> str:
    """The pattern, unless it could keep the matcher busy for hours."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as cause:
        raise invalid(f"Invalid regular expression: {cause}") from cause
    if len(pattern) > MAX_PATTERN or _NESTED.search(pattern):
        raise invalid(
            "Invalid regular expression: nested repetition and patterns of more than "
            f"{MAX_PATTERN} characters are not accepted."
        )
    return pattern
