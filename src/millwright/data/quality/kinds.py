"""Every kind of check there is, with its arguments and the names others have for it."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from millwright.data.quality import arguments as given
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


def as_markdown() -> str:
    """The vocabulary as the table of the guide."""
    lines = ["| kind | holds when | arguments | of Great Expectations |", "|---|---|---|---|"]
    for name, kind in KINDS.items():
        arguments = ", ".join(f"`{field}`" for field in kind.arguments.model_fields)
        aliases = ", ".join(f"`{alias}`" for alias in kind.aliases)
        lines.append(f"| `{name}` | {kind.meaning} | {arguments} | {aliases} |")
    return "\n".join(lines) + "\n"
