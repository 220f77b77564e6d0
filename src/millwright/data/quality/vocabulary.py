"""The vocabulary of checks: every kind, its arguments, and the names others have for it.

Every expectation of Great Expectations' core is an alias: ``expect_column_values_to_be_between``
with ``min_value`` is ``between`` with ``minimum``. One table says all of it, and the guide's table
is made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from pydantic import ValidationError

from millwright.data.quality import arguments as given
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.record import Record

Scope = Literal["column", "pair", "columns", "table"]


class Kind(NamedTuple):
    """One kind of check.

    ``rows`` says whether it judges each row (and so can say which are broken) or the whole.
    """

    scope: Scope
    arguments: type[Record]
    meaning: str
    aliases: tuple[str, ...] = ()
    rows: bool = True


def _gx(*names: str) -> tuple[str, ...]:
    return tuple(f"expect_{name}" for name in names)


KINDS: Final[dict[str, Kind]] = {
    "not_null": Kind(
        "column", given.NoArguments, "There is a value.", _gx("column_values_to_not_be_null")
    ),
    "is_null": Kind(
        "column", given.NoArguments, "There is no value.", _gx("column_values_to_be_null")
    ),
    "between": Kind(
        "column",
        given.Bounds,
        "Each value lies between two bounds.",
        _gx("column_values_to_be_between"),
    ),
    "in_set": Kind(
        "column",
        given.Members,
        "Each value is one of a set.",
        _gx("column_values_to_be_in_set"),
    ),
    "not_in_set": Kind(
        "column",
        given.Members,
        "No value is one of a set.",
        _gx("column_values_to_not_be_in_set"),
    ),
    "matches": Kind(
        "column",
        given.Patterns,
        "A regular expression is found in each value.",
        _gx("column_values_to_match_regex", "column_values_to_match_regex_list"),
    ),
    "not_matches": Kind(
        "column",
        given.Patterns,
        "A regular expression is found in no value.",
        _gx("column_values_to_not_match_regex", "column_values_to_not_match_regex_list"),
    ),
    "like": Kind(
        "column",
        given.LikePatterns,
        "Each value matches a LIKE pattern.",
        _gx("column_values_to_match_like_pattern", "column_values_to_match_like_pattern_list"),
    ),
    "not_like": Kind(
        "column",
        given.LikePatterns,
        "No value matches a LIKE pattern.",
        _gx(
            "column_values_to_not_match_like_pattern",
            "column_values_to_not_match_like_pattern_list",
        ),
    ),
    "length_between": Kind(
        "column",
        given.Bounds,
        "Each value has a number of characters between two bounds.",
        _gx("column_value_lengths_to_be_between", "column_value_lengths_to_equal"),
    ),
    "unique": Kind("column", given.Unique, "No value repeats.", _gx("column_values_to_be_unique")),
    "increasing": Kind(
        "column",
        given.Order,
        "Each value is at least the one before.",
        _gx("column_values_to_be_increasing"),
    ),
    "decreasing": Kind(
        "column",
        given.Order,
        "Each value is at most the one before.",
        _gx("column_values_to_be_decreasing"),
    ),
    "has_type": Kind(
        "column",
        given.Types,
        "The column holds one of some types.",
        _gx("column_values_to_be_of_type", "column_values_to_be_in_type_list", "column_type_to_be"),
        rows=False,
    ),
    "date_text": Kind(
        "column",
        given.NoArguments,
        "Each text can be read as a date (by dateutil).",
        _gx("column_values_to_be_dateutil_parseable"),
    ),
    "date_format": Kind(
        "column",
        given.TimeFormat,
        "Each text follows a strptime format.",
        _gx("column_values_to_match_strftime_format"),
    ),
    "json": Kind(
        "column",
        given.NoArguments,
        "Each text is JSON.",
        _gx("column_values_to_be_json_parseable"),
    ),
    "json_schema": Kind(
        "column",
        given.JsonSchema,
        "Each text is JSON that follows a schema.",
        _gx("column_values_to_match_json_schema"),
    ),
    "z_score_below": Kind(
        "column",
        given.ZScore,
        "Each value is near the mean, in standard deviations.",
        _gx("column_value_z_scores_to_be_less_than"),
    ),
    "no_outliers": Kind(
        "column",
        given.Outliers,
        "No value lies beyond Tukey's fences, or too many standard deviations out.",
        _gx("column_values_to_not_be_outliers"),
    ),
    "minimum_between": Kind(
        "column",
        given.Bounds,
        "The smallest value lies between two bounds.",
        _gx("column_min_to_be_between"),
        rows=False,
    ),
    "maximum_between": Kind(
        "column",
        given.Bounds,
        "The largest value lies between two bounds.",
        _gx("column_max_to_be_between"),
        rows=False,
    ),
    "mean_between": Kind(
        "column",
        given.Bounds,
        "The mean lies between two bounds.",
        _gx("column_mean_to_be_between"),
        rows=False,
    ),
    "median_between": Kind(
        "column",
        given.Bounds,
        "The median lies between two bounds.",
        _gx("column_median_to_be_between"),
        rows=False,
    ),
    "sum_between": Kind(
        "column",
        given.Bounds,
        "The sum lies between two bounds.",
        _gx("column_sum_to_be_between"),
        rows=False,
    ),
    "deviation_between": Kind(
        "column",
        given.Bounds,
        "The standard deviation (of a sample) lies between two bounds.",
        _gx("column_stdev_to_be_between"),
        rows=False,
    ),
    "quantiles_between": Kind(
        "column",
        given.Quantiles,
        "Quantiles (the nearest value) lie in their ranges.",
        _gx("column_quantile_values_to_be_between"),
        rows=False,
    ),
    "distinct_between": Kind(
        "column",
        given.Bounds,
        "The number of distinct values lies between two bounds.",
        _gx("column_unique_value_count_to_be_between"),
        rows=False,
    ),
    "distinct_share_between": Kind(
        "column",
        given.Bounds,
        "Distinct values, as a share of all values, lie between two bounds.",
        _gx("column_proportion_of_unique_values_to_be_between"),
        rows=False,
    ),
    "not_null_share_between": Kind(
        "column",
        given.Bounds,
        "The share of rows with a value lies between two bounds.",
        _gx("column_proportion_of_non_null_values_to_be_between"),
        rows=False,
    ),
    "most_common_in_set": Kind(
        "column",
        given.MostCommon,
        "The most frequent value is one of a set.",
        _gx("column_most_common_value_to_be_in_set"),
        rows=False,
    ),
    "distinct_in_set": Kind(
        "column",
        given.Members,
        "The distinct values are a part of a set.",
        _gx("column_distinct_values_to_be_in_set"),
        rows=False,
    ),
    "distinct_contain": Kind(
        "column",
        given.Members,
        "The distinct values include a set.",
        _gx("column_distinct_values_to_contain_set"),
        rows=False,
    ),
    "distinct_equal": Kind(
        "column",
        given.Members,
        "The distinct values are exactly a set.",
        _gx("column_distinct_values_to_equal_set"),
        rows=False,
    ),
    "divergence_below": Kind(
        "column",
        given.Divergence,
        "The Kullback–Leibler divergence from a partition is small.",
        _gx("column_kl_divergence_to_be_less_than"),
        rows=False,
    ),
    "pair_greater": Kind(
        "pair",
        given.Pair,
        "The first column is greater than the second.",
        _gx("column_pair_values_a_to_be_greater_than_b"),
    ),
    "pair_equal": Kind(
        "pair",
        given.Pair,
        "Two columns are equal.",
        _gx("column_pair_values_to_be_equal"),
    ),
    "pair_in_set": Kind(
        "pair",
        given.PairMembers,
        "Two columns hold one of some pairs.",
        _gx("column_pair_values_to_be_in_set"),
    ),
    "columns_unique": Kind(
        "columns",
        given.Several,
        "The values of several columns together never repeat.",
        _gx("compound_columns_to_be_unique"),
    ),
    "columns_sum": Kind(
        "columns",
        given.Total,
        "Several columns add up to a total.",
        _gx("multicolumn_sum_to_equal"),
    ),
    "columns_equal": Kind(
        "columns",
        given.Several,
        "Several columns hold the same value.",
        _gx("multicolumn_values_to_be_equal"),
    ),
    "columns_distinct": Kind(
        "columns",
        given.Several,
        "No two of several columns hold the same value.",
        _gx("select_column_values_to_be_unique_within_record", "multicolumn_values_to_be_unique"),
    ),
    "column_exists": Kind(
        "column", given.Position, "The table has the column.", _gx("column_to_exist"), rows=False
    ),
    "column_count_between": Kind(
        "table",
        given.Bounds,
        "The number of columns lies between two bounds.",
        _gx("table_column_count_to_be_between", "table_column_count_to_equal"),
        rows=False,
    ),
    "columns_ordered": Kind(
        "table",
        given.ColumnNames,
        "The columns are these, in this order.",
        _gx("table_columns_to_match_ordered_list"),
        rows=False,
    ),
    "columns_set": Kind(
        "table",
        given.ColumnNames,
        "The columns are these, in any order.",
        _gx("table_columns_to_match_set"),
        rows=False,
    ),
    "row_count_between": Kind(
        "table",
        given.Bounds,
        "The number of rows lies between two bounds.",
        _gx("table_row_count_to_be_between", "table_row_count_to_equal"),
        rows=False,
    ),
    "row_count_equals": Kind(
        "table",
        given.OtherDataset,
        "There are as many rows as in another dataset.",
        _gx("table_row_count_to_equal_other_table"),
        rows=False,
    ),
    "same_rows": Kind(
        "columns",
        given.SameRows,
        "The rows are those of another dataset.",
        _gx("query_results_to_match_comparison"),
        rows=False,
    ),
    "satisfies": Kind(
        "table",
        given.Expression,
        "An expression over the columns holds.",
        ("unexpected_rows_expectation",),
    ),
    "foreign_key": Kind(
        "columns",
        given.ForeignKey,
        "Each value (or combination) occurs in another dataset.",
    ),
    "fresh": Kind("column", given.Fresh, "The newest moment is recent.", rows=False),
    "volume": Kind(
        "table", given.Volume, "There are about as many rows as in the version before.", rows=False
    ),
    "anomaly": Kind(
        "column",
        given.Anomaly,
        "A statistic is what it was in earlier versions.",
        rows=False,
    ),
    "distribution": Kind(
        "column",
        given.Distribution,
        "The values are distributed as in a reference version.",
        rows=False,
    ),
    "no_personal_data": Kind(
        "columns",
        given.Personal,
        "There are no names, addresses, card or account numbers.",
        rows=False,
    ),
}

ALIASES: Final[dict[str, str]] = {
    alias: kind for kind, described in KINDS.items() for alias in described.aliases
}
"""The names of Great Expectations, and our name for each."""

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


def as_markdown() -> str:
    """The vocabulary as the table of the guide."""
    lines = ["| kind | holds when | arguments | of Great Expectations |", "|---|---|---|---|"]
    for name, kind in KINDS.items():
        arguments = ", ".join(f"`{field}`" for field in kind.arguments.model_fields)
        aliases = ", ".join(f"`{alias}`" for alias in kind.aliases)
        lines.append(f"| `{name}` | {kind.meaning} | {arguments} | {aliases} |")
    return "\n".join(lines) + "\n"
