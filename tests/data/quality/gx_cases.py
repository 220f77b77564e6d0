"""Tables and expectations on which Great Expectations and Millwright have to agree.

No imports beyond the standard library: the peer's Python reads this file too.
"""

from __future__ import annotations

import random
from typing import Any

ROWS = 12
DRAWN = 500


def _drawn() -> dict[str, list[Any]]:
    """A table drawn by chance, the same each time, long enough for shares and quantiles."""
    chance = random.Random(7)

    def some(draw: Any) -> list[Any]:
        return [None if chance.random() < 0.05 else draw() for _ in range(DRAWN)]

    texts = ["a", "b", "zz", "x", "y", "ab12", "été", "", "AB"]
    return {
        "n": some(lambda: round(chance.gauss(4, 3), 1)),
        "m": some(lambda: float(chance.randrange(12))),
        "i": sorted(chance.randrange(200) for _ in range(DRAWN)),
        "s": some(lambda: chance.choice(texts)),
        "r": some(lambda: chance.choice(texts)),
        "d": some(lambda: f"2{chance.randrange(1000):03}-{chance.randrange(1, 14):02}-15"),
        "j": some(lambda: chance.choice(["{}", '{"a": 1}', "[", "7", "null", "x"])),
        "t": some(lambda: f"20{chance.randrange(10, 40)}-06-{chance.randrange(1, 31):02}T08:00:00"),
    }


TABLES: dict[str, dict[str, list[Any]]] = {
    "mixed": {
        "n": [1.0, 2.0, 2.0, None, 5.5, -3.0, 100.0, 7.0, 7.0, 0.0, None, 9.25],
        "m": [1.0, 1.0, 3.0, None, 4.0, None, 99.0, 7.0, 8.0, 0.0, 2.0, 9.25],
        "i": [3, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144],
        "s": ["a", "b", "b", None, "été", "日本語", "", " x ", "ab12", "AB", "b", "zz"],
        "r": ["a", "c", "b", None, "ete", "日本語", "", None, "ab12", "Ab", "b", "zz"],
        "d": [
            "2020-01-01",
            "2021-02-29",
            "Jan 3 2022",
            None,
            "x",
            "2024-12-31",
            "1/2/2020",
            "",
            "12",
            "2020-01-01T10:00:00",
            "31.12.2020",
            "2023-06-15",
        ],
        "j": [
            '{"a": 1}',
            "[1, 2]",
            "nope",
            None,
            '{"a": "x"}',
            "3",
            "null",
            '{"b": 2}',
            "{}",
            '"t"',
            "NaN",
            '{"a": 5, "c": []}',
        ],
        "t": [
            "2020-01-01T00:00:00",
            "2020-01-02T00:00:00",
            None,
            "2020-01-02T12:00:00",
            "2020-03-01T00:00:00",
            "2021-01-01T00:00:00",
            "2021-01-01T00:00:00",
            None,
            "2022-05-05T05:05:05",
            "2023-01-01T00:00:00",
            "2024-02-29T00:00:00",
            "2025-01-01T00:00:00",
        ],
    },
    "plain": {
        "n": [float(value) for value in range(ROWS)],
        "m": [float(ROWS - value) for value in range(ROWS)],
        "i": [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3],
        "s": ["x", "x", "y", "y", "y", "x", "z", "z", "z", "w", "w", "w"],
        "r": ["x", "x", "y", "y", "y", "x", "z", "z", "z", "w", "w", "v"],
        "d": ["2020-01-01"] * ROWS,
        "j": ["{}"] * ROWS,
        "t": [f"2020-01-{day:02d}T00:00:00" for day in range(1, ROWS + 1)],
    },
    "drawn": _drawn(),
    "empty": {name: [] for name in ("n", "m", "i", "s", "r", "d", "j", "t")},
    "void": {name: [None] * 3 for name in ("n", "m", "s", "r", "d", "j", "t")} | {"i": [1, 1, 2]},
}
KINDS = {
    "n": "float",
    "m": "float",
    "i": "int",
    "s": "text",
    "r": "text",
    "d": "text",
    "j": "text",
    "t": "time",
}

Case = tuple[str, dict[str, Any]]
_BETWEEN = [
    {"min_value": 1, "max_value": 7},
    {"min_value": 1, "max_value": 7, "strict_min": True, "strict_max": True},
    {"max_value": 7},
    {"min_value": 2, "strict_min": True},
]
_STATISTICS = ("min", "max", "mean", "median", "sum", "stdev")


def cases() -> list[Case]:
    """Every expectation that Great Expectations runs on pandas, with its arguments."""
    found: list[Case] = []

    def add(name: str, **kwargs: Any) -> None:
        found.append((f"expect_{name}", kwargs))

    for column in ("n", "s", "t"):
        add("column_values_to_not_be_null", column=column, mostly=0.9)
        add("column_values_to_be_null", column=column, mostly=0.1)
        add("column_values_to_be_unique", column=column)
        add("column_proportion_of_non_null_values_to_be_between", column=column, min_value=0.8)
        add("column_unique_value_count_to_be_between", column=column, min_value=2, max_value=9)
        add("column_proportion_of_unique_values_to_be_between", column=column, min_value=0.5)
    for column in ("n", "i"):
        for bounds in _BETWEEN:
            add("column_values_to_be_between", column=column, **bounds)
            add("column_values_to_be_between", column=column, mostly=0.5, **bounds)
            for statistic in _STATISTICS:
                add(f"column_{statistic}_to_be_between", column=column, **bounds)
        for strictly in (True, False):
            add("column_values_to_be_increasing", column=column, strictly=strictly)
            add("column_values_to_be_decreasing", column=column, strictly=strictly)
        for both in (True, False):
            for threshold in (0.5, 1.5, 3):
                add(
                    "column_value_z_scores_to_be_less_than",
                    column=column,
                    threshold=threshold,
                    double_sided=both,
                )
        for method, multiplier in (("iqr", 1.5), ("iqr", 0.1), ("std", 1.0), ("std", 3.0)):
            add(
                "column_values_to_not_be_outliers",
                column=column,
                method=method,
                multiplier=multiplier,
            )
        add(
            "column_quantile_values_to_be_between",
            column=column,
            quantile_ranges={
                "quantiles": [0.05, 0.25, 0.5, 0.95],
                "value_ranges": [[-10, 2], [0, 3], [None, 8], [5, None]],
            },
        )
        add("column_values_to_be_in_set", column=column, value_set=[1, 2, 3])
        add("column_values_to_not_be_in_set", column=column, value_set=[2, 7, 55])
        add("column_distinct_values_to_be_in_set", column=column, value_set=[1, 2, 3, 4])
        add("column_distinct_values_to_contain_set", column=column, value_set=[1, 2])
        add("column_distinct_values_to_equal_set", column=column, value_set=[1, 2, 3])
        add("column_most_common_value_to_be_in_set", column=column, value_set=[1, 2, 3])
        add(
            "column_most_common_value_to_be_in_set", column=column, value_set=[2, 7], ties_okay=True
        )
    for pattern in ("^[a-z]+$", "b", r"\d", "^$", "é|語"):
        add("column_values_to_match_regex", column="s", regex=pattern)
        add("column_values_to_not_match_regex", column="s", regex=pattern, mostly=0.6)
    for match in ("any", "all"):
        add("column_values_to_match_regex_list", column="s", regex_list=["a", "b"], match_on=match)
    add("column_values_to_not_match_regex_list", column="s", regex_list=["a", "z"])
    add("column_values_to_be_in_set", column="s", value_set=["a", "b", "zz", "x", "y"], mostly=0.7)
    add("column_values_to_not_be_in_set", column="s", value_set=["b", "été"])
    add("column_distinct_values_to_be_in_set", column="s", value_set=["x", "y", "z", "w", "q"])
    add("column_distinct_values_to_contain_set", column="s", value_set=["x", "w"])
    add("column_distinct_values_to_equal_set", column="s", value_set=["x", "y", "z", "w"])
    add("column_most_common_value_to_be_in_set", column="s", value_set=["b"])
    add("column_value_lengths_to_be_between", column="s", min_value=1, max_value=2)
    add("column_value_lengths_to_be_between", column="s", min_value=1, strict_min=True)
    add("column_value_lengths_to_equal", column="s", value=1, mostly=0.3)
    add("column_values_to_be_dateutil_parseable", column="d")
    add("column_values_to_match_strftime_format", column="d", strftime_format="%Y-%m-%d")
    add("column_values_to_be_json_parseable", column="j")
    add("column_values_to_match_json_schema", column="j", json_schema={"type": "object"})
    for name in ("float64", "str", "int64"):
        add("column_values_to_be_of_type", column="i", type_=name)
    add("column_values_to_be_in_type_list", column="i", type_list=["int64", "int32"])
    add("column_type_to_be", column="i", type_="int64")
    for kwargs in (
        {"min_value": "2020-01-01T00:00:00", "max_value": "2023-01-01T00:00:00"},
        {"min_value": "2020-01-02T00:00:00", "strict_min": True},
    ):
        add("column_values_to_be_between", column="t", **kwargs)
    add("column_values_to_be_increasing", column="t")
    add("column_values_to_be_increasing", column="t", strictly=True)
    for ignore in ("both_values_are_missing", "either_value_is_missing", "neither"):
        for equal in (True, False):
            add(
                "column_pair_values_a_to_be_greater_than_b",
                column_A="n",
                column_B="m",
                or_equal=equal,
                ignore_row_if=ignore,
            )
        add("column_pair_values_to_be_equal", column_A="s", column_B="r", ignore_row_if=ignore)
        add(
            "column_pair_values_to_be_equal",
            column_A="n",
            column_B="m",
            ignore_row_if=ignore,
            mostly=0.5,
        )
        add(
            "column_pair_values_to_be_in_set",
            column_A="s",
            column_B="r",
            ignore_row_if=ignore,
            value_pairs_set=[["a", "a"], ["b", "b"], ["x", "x"], ["zz", "zz"]],
        )
    for ignore in ("all_values_are_missing", "any_value_is_missing", "never"):
        add("compound_columns_to_be_unique", column_list=["s", "r"], ignore_row_if=ignore)
        add("compound_columns_to_be_unique", column_list=["i", "n"], ignore_row_if=ignore)
        add("multicolumn_sum_to_equal", column_list=["n", "m"], sum_total=12, ignore_row_if=ignore)
        add("multicolumn_values_to_be_equal", column_list=["n", "m"], ignore_row_if=ignore)
        add("multicolumn_values_to_be_equal", column_list=["s", "r"], ignore_row_if=ignore)
        add(
            "select_column_values_to_be_unique_within_record",
            column_list=["s", "r"],
            ignore_row_if=ignore,
        )
        add(
            "select_column_values_to_be_unique_within_record",
            column_list=["n", "m", "i"],
            ignore_row_if=ignore,
        )
    add("column_to_exist", column="n")
    add("column_to_exist", column="n", column_index=3)
    add("column_to_exist", column="nothing")
    add("table_column_count_to_equal", value=8)
    add("table_column_count_to_be_between", min_value=1, max_value=5)
    names = list(TABLES["mixed"])
    add("table_columns_to_match_ordered_list", column_list=names)
    add("table_columns_to_match_ordered_list", column_list=names[::-1])
    add("table_columns_to_match_set", column_set=names[::-1])
    add("table_columns_to_match_set", column_set=names[:3], exact_match=False)
    add("table_row_count_to_equal", value=12)
    add("table_row_count_to_be_between", min_value=3, max_value=20, strict_min=True)
    values = {"values": ["x", "y", "z", "w"], "weights": [0.25, 0.25, 0.25, 0.25]}
    for holdout in (0, 0.1):
        add(
            "column_kl_divergence_to_be_less_than",
            column="s",
            partition_object=values,
            threshold=0.1,
            tail_weight_holdout=holdout,
        )
    bins = {"bins": [0, 3, 6, 9, 12], "weights": [0.4, 0.2, 0.2, 0.2]}
    add("column_kl_divergence_to_be_less_than", column="n", partition_object=bins, threshold=0.2)
    add(
        "column_kl_divergence_to_be_less_than",
        column="n",
        partition_object=bins,
        threshold=0.2,
        tail_weight_holdout=0.1,
        internal_weight_holdout=0.1,
    )
    for condition in ('n > 1 and s != "b"', "i < 50"):
        for name, kwargs in (
            ("column_values_to_be_between", {"column": "n", "min_value": 1, "max_value": 6}),
            ("column_values_to_be_unique", {"column": "s"}),
            ("column_mean_to_be_between", {"column": "n", "min_value": 1, "max_value": 6}),
            ("table_row_count_to_equal", {"value": 5}),
        ):
            add(name, row_condition=condition, condition_parser="pandas", **kwargs)
    return found


def sql_cases() -> list[Case]:
    """Expectations that Great Expectations runs on SQL only, here SQLite."""
    found: list[Case] = []
    # SQLite's LIKE does not tell upper from lower case, so patterns are of neither.
    for pattern in ("b", "_", "%1%", "%語"):
        for name in ("match", "not_match"):
            found.append(
                (
                    f"expect_column_values_to_{name}_like_pattern",
                    {"column": "s", "like_pattern": pattern},
                )
            )
    for match in ("any", "all"):
        found.append(
            (
                "expect_column_values_to_match_like_pattern_list",
                {"column": "s", "like_pattern_list": ["b%", "%2"], "match_on": match},
            )
        )
    found.append(
        (
            "expect_column_values_to_not_match_like_pattern_list",
            {"column": "s", "like_pattern_list": ["b", "%2"]},
        )
    )
    for other in ("plain", "void"):
        found.append(("expect_table_row_count_to_equal_other_table", {"other_table_name": other}))
    for condition in ("n > 3", "n > 1000", "s = 'b'"):
        found.append(
            (
                "unexpected_rows_expectation",
                {"unexpected_rows_query": f"SELECT * FROM {{batch}} WHERE {condition}"},
            )
        )
    for other in ("mixed", "plain"):
        found.append(
            (
                "expect_query_results_to_match_comparison",
                {
                    "base_query": "SELECT i FROM {batch}",
                    "comparison_data_source_name": "world",
                    "comparison_query": f"SELECT i FROM {other}",
                },
            )
        )
    return found
