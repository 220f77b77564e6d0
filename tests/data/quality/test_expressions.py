"""Expressions: what is one, what is not, and that no SQL gets through."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data.duckdb_engine import open_duckdb
from millwright.data.quality.expressions import MAX_DEPTH, columns_of, to_sql
from millwright.data.quality.row_conditions import expression_of_query, where_of
from millwright.kernel.errors import InvalidInput, MillwrightError

COLUMNS = ["a", "b", "odd name", 'quo"te', "select"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * 2 = 7", True),
        ("(a + b) * 2 = 8", True),
        ("a == 1 & b == 3", True),
        ("not a = 1 or b between 2 and 4", True),
        ("a in (1, 2) and b not in (4, 5)", True),
        ("-a = -1 and `odd name` like 'x%'", True),
        ("length(\"odd name\") = 3 and upper(`odd name`) = 'XYZ'", True),
        ('"quo""te" is null', True),
        ("coalesce(\"quo\"\"te\", 5) = 5", True),
        ("year(time('2024-03-01')) = 2024 and weekday(time('2024-03-01')) = 5", True),
        ("number('x') is null", True),
        ("b % 2 = 1 and 7 / 2 > 3", True),
        ('"select" = 4', True),
    ],
)  # fmt: skip
def test_an_expression_means_what_it_says(text: str, value: bool) -> None:
    connection = open_duckdb()
    row = '1 AS a, 3 AS b, \'xyz\' AS "odd name", NULL AS "quo""te", 4 AS "select"'
    assert connection.sql(f"SELECT {to_sql(text, COLUMNS)} FROM (SELECT {row})").fetchall() == [
        (value,)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a >",
        "a; drop table x",
        "(select 1)",
        "a = (select 1)",
        "exists (select 1)",
        "read_csv('/etc/passwd')",
        "a || getenv('HOME')",
        "a -- comment\n or 1",
        "a::text",
        "case when a then b end",
        "a = 'unclosed",
        "lower(a, b)",
        "unknown = 1",
        "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1),
        "a" * 10_001,
    ],
)
def test_what_is_no_expression_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        to_sql(text, COLUMNS)
    assert caught.value.hint


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab'\"`()=<>!&|,.+-*/%; select from 1", max_size=30))
def test_whatever_is_written_only_columns_and_literals_come_out(text: str) -> None:
    try:
        sql = to_sql(text, ["a", "b"])
    except MillwrightError:
        return
    outside = sql.replace("''", "")
    for part in outside.split("'")[::2]:
        assert ";" not in part
        assert "SELECT" not in part.upper().replace('"SELECT"', "")
        assert "--" not in part or "(-(-" in part or "- " in part


def test_the_columns_of_an_expression_are_known() -> None:
    assert columns_of("b > 1 and `odd name` = 'a' or b < 0", COLUMNS) == ("b", "odd name")


def test_a_misspelt_column_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'distance'"):
        to_sql("distence > 3", ["distance", "speed"])


def test_row_conditions_of_great_expectations_are_expressions() -> None:
    assert where_of('col("a").notNull()') == '"a" is not null'
    assert where_of('col("a") == "x"') == "\"a\" == 'x'"
    one = {"type": "comparison", "column": {"name": "a"}, "operator": ">=", "parameter": 3}
    two = {"type": "nullity", "column": {"name": "b"}, "is_null": False}
    assert where_of({"type": "and", "conditions": [one, two]}) == '("a" >= 3 and "b" is not null)'
    assert expression_of_query("select * from {batch} where a < 0") == "not coalesce(a < 0, false)"
    with pytest.raises(InvalidInput, match="more than an expression"):
        expression_of_query("select * from {batch} join x on a = b where c")
