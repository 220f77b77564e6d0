"""The vocabulary of checks: every kind, its arguments, and the names others have for it.

Every expectation of Great Expectations' core is an alias: ``expect_column_values_to_be_between``
with ``min_value`` is ``between`` with ``minimum``. One table says all of it, and the guide's table
is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from millwright.data.quality.kinds import ALIASES, KINDS
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.record import Record

_FIELDS: Final = frozenset(
    ("id", "kind", "columns", "arguments", "where", "mostly", "severity", "status")
)
_RENAMED: Final = {
    "min_value": "minimum",
    "max_value": "maximum",
    "strict_min": "strict_minimum",
    "strict_max": "strict_maximum",
    "value_set": "values",
    "regex_list": "patterns",
    "like_pattern_list": "patterns",
    "match_on": "match",
    "type_list": "types",
    "ties_okay": "ties",
    "strftime_format": "format",
    "value_pairs_set": "pairs",
    "ignore_row_if": "ignore",
    "sum_total": "total",
    "column_set": "names",
    "exact_match": "exact",
    "column_index": "index",
    "partition_object": "partition",
    "other_table_name": "dataset",
}
_IGNORED: Final = {
    "all_values_are_missing": "all",
    "both_values_are_missing": "all",
    "any_value_is_missing": "any",
    "either_value_is_missing": "any",
    "neither": "never",
}
_LEFT_OUT: Final = frozenset(
    "batch_id meta notes result_format catch_exceptions description windows rendered_content"  # noqa: SIM905
    " condition_parser allow_relative_error bucketize_data expectation_context".split()
)


def kind_of(name: str) -> str:
    """Our name for a kind.

    Raises:
        InvalidInput: nothing is called so.
    """
    if name in KINDS:
        return name
    if name in ALIASES:
        return ALIASES[name]
    guess = nearest(name, [*KINDS, *ALIASES])
    raise InvalidInput(
        "data.unknown_check",
        f"There is no check '{name}'.",
        hint=f"Did you mean '{guess}'?" if guess else "See: mw data vocabulary",
        value=name,
    )


def in_our_words(check: Mapping[str, Any]) -> dict[str, Any]:
    """A check with our kind and arguments, whatever names it came with.

    Arguments may stand beside ``kind`` or in ``arguments``; a column may be ``column``.

    Raises:
        InvalidInput: the kind or an argument is unknown, or an argument does not fit.
    """
    name = str(check.get("kind", ""))
    kind = kind_of(name)
    arguments = dict(check.get("arguments") or {})
    arguments |= {key: check[key] for key in check if key not in _FIELDS}
    arguments = {k: v for k, v in arguments.items() if k not in _LEFT_OUT and v is not None}
    columns = _columns(check, kind, arguments)
    if "row_condition" in arguments:
        from millwright.data.quality.row_conditions import where_of

        check = {**check, "where": where_of(arguments.pop("row_condition"))}
    for outside in ("mostly", "severity", "where"):
        if outside in arguments:
            check = {**check, outside: arguments.pop(outside)}
    if name in ALIASES:
        arguments = _translated(name, arguments)
    parsed = _parsed(kind, arguments)
    _right_columns(kind, columns)
    about = ",".join(columns) or "table"
    result = {key: check[key] for key in check if key in _FIELDS}
    result |= {"kind": kind, "columns": columns, "arguments": parsed}
    result["id"] = check.get("id") or f"{about}:{kind}"[:300]
    return result


def parsed_arguments(kind: str, arguments: Mapping[str, Any]) -> Record:
    """The typed arguments of a check that was validated before."""
    return KINDS[kind].arguments.model_validate(dict(arguments))


def _columns(check: Mapping[str, Any], kind: str, arguments: dict[str, Any]) -> tuple[str, ...]:
    columns = tuple(check.get("columns") or ())
    if isinstance(check.get("columns"), str):
        columns = (str(check["columns"]),)
    if "column" in arguments:
        columns = (str(arguments.pop("column")),)
    pair = [arguments.pop(k) for k in ("column_A", "column_B") if k in arguments]
    columns = tuple(pair) or columns
    if "column_list" in arguments and KINDS[kind].scope != "table":
        columns = tuple(arguments.pop("column_list"))
    return tuple(str(column) for column in columns)


def _translated(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of Great Expectations in our words."""
    for theirs in ("regex", "like_pattern"):
        if theirs in arguments:
            arguments["patterns"] = [arguments.pop(theirs)]
    if "type_" in arguments:
        arguments["types"] = [arguments.pop("type_")]
    if "value" in arguments:
        arguments["minimum"] = arguments["maximum"] = arguments.pop("value")
    if "column_list" in arguments:
        arguments["names"] = arguments.pop("column_list")
    if "quantile_ranges" in arguments:
        ranges = arguments.pop("quantile_ranges")
        arguments["quantiles"] = ranges["quantiles"]
        arguments["ranges"] = ranges["value_ranges"]
    if "unexpected_rows_query" in arguments:
        from millwright.data.quality.row_conditions import expression_of_query

        arguments["expression"] = expression_of_query(arguments.pop("unexpected_rows_query"))
    if "comparison_query" in arguments:
        from millwright.data.quality.row_conditions import comparison_of

        return comparison_of(arguments)
    renamed = {_RENAMED.get(key, key): value for key, value in arguments.items()}
    if "ignore" in renamed:
        renamed["ignore"] = _IGNORED.get(str(renamed["ignore"]), renamed["ignore"])
    if name == "expect_column_values_to_match_regex" and "patterns" not in renamed:
        renamed["patterns"] = ["(?s).*"]
    return renamed


def _parsed(kind: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    record = KINDS[kind].arguments
    for name in arguments:
        if name not in record.model_fields:
            guess = nearest(name, record.model_fields)
            known = ", ".join(record.model_fields) or "no arguments"
            raise InvalidInput(
                "data.unknown_argument",
                f"A check '{kind}' has no argument '{name}'.",
                hint=f"Did you mean '{guess}'?" if guess else f"It takes {known}.",
                value=name,
            )
    try:
        parsed = record.model_validate(dict(arguments))
    except ValidationError as cause:
        first = cause.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "its arguments"
        raise InvalidInput(
            "data.bad_argument",
            f"A check '{kind}' cannot use {place}: {first['msg']}.",
            hint=f"It takes {', '.join(record.model_fields) or 'no arguments'}.",
            value=place,
        ) from cause
    return parsed.model_dump(mode="json", exclude_defaults=True)


def _right_columns(kind: str, columns: tuple[str, ...]) -> None:
    wanted = {"column": "one column", "pair": "two columns", "columns": "at least one column"}
    scope = KINDS[kind].scope
    fits = {
        "column": len(columns) == 1 or (kind == "anomaly" and not columns),
        "pair": len(columns) == 2,
        "columns": len(columns) >= 1 or kind in ("no_personal_data", "same_rows"),
        "table": not columns,
    }
    if not fits[scope]:
        raise InvalidInput(
            "data.check_columns",
            f"A check '{kind}' is about {wanted.get(scope, 'the table, without columns')}, "
            f"and {len(columns)} were given.",
            hint="Name them in 'columns'.",
            value=kind,
        )
