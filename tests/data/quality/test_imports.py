"""Files of other tools become checks, and what they say beyond is reported."""

from __future__ import annotations

import contextlib
import json

import pytest

from millwright.data import Check, Suite
from millwright.data.quality.imports import translated
from millwright.data.quality.suite_yaml import from_yaml, to_yaml
from millwright.kernel.errors import InvalidInput

GX_018 = {
    "expectation_suite_name": "flights",
    "meta": {"great_expectations_version": "0.18.22"},
    "expectations": [
        {
            "expectation_type": "expect_column_values_to_be_between",
            "kwargs": {"column": "fare", "min_value": 0, "max_value": 99, "mostly": 0.95},
            "meta": {},
        },
        {"expectation_type": "expect_column_values_to_be_prime", "kwargs": {"column": "fare"}},
        {
            "expectation_type": "expect_column_max_to_be_between",
            "kwargs": {"column": "fare", "max_value": {"$PARAMETER": "upstream"}},
        },
    ],
}
GX_1 = {
    "name": "flights",
    "meta": {"great_expectations_version": "1.6.0"},
    "expectations": [
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {
                "column": "city",
                "value_set": ["Rom", "Bonn"],
                "row_condition": 'fare > 3 and city != "Köln"',
                "condition_parser": "pandas",
            },
            "severity": "warning",
        },
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "city", "value_set": ["Rom"]},
        },
        {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["a", "b"]}},
        {
            "type": "unexpected_rows_expectation",
            "kwargs": {"unexpected_rows_query": "SELECT * FROM {batch} WHERE fare < 0"},
        },
    ],
}
PANDERA = """
schema_type: dataframe
version: 0.24.0
columns:
  fare:
    dtype: float64
    nullable: true
    checks:
      greater_than_or_equal_to: 0
      in_range: {min_value: 0, max_value: 10, include_min: true, include_max: false}
    unique: false
    required: true
  city:
    dtype: str
    nullable: false
    checks:
    - value: [Rom, Bonn]
      options: {check_name: isin, raise_warning: true, ignore_na: true}
    - value: R
      options: {check_name: str_startswith, raise_warning: false, ignore_na: true}
    - value: 3
      options: {check_name: my_own, raise_warning: false, ignore_na: true}
    unique: true
    required: false
checks: null
index: null
coerce: false
strict: true
unique: [fare, city]
ordered: false
"""
CONTRACT = """
apiVersion: v3.0.2
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
schema:
- name: flights
  properties:
  - {name: id, logicalType: integer, primaryKey: true}
  - name: fare
    logicalType: number
    required: true
    logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100}
    quality:
    - {metric: nullValues, mustBeLessThan: 5, unit: percent}
    - {type: text, description: looks right}
  - {name: legs, logicalType: array}
  quality:
  - {metric: rowCount, mustBeBetween: [10, 20], severity: warning}
slaProperties:
- {property: latency, value: 2, unit: d, element: flights.at}
- {property: retention, value: 3, unit: y}
"""


def test_suites_of_great_expectations_of_both_forms() -> None:
    found = translated(json.dumps(GX_018))
    assert found.format == "Great Expectations 0.18.22"
    (fare,) = found.suite.checks
    assert (fare.kind, fare.columns, fare.mostly) == ("between", ("fare",), 0.95)
    assert fare.arguments == {"minimum": 0, "maximum": 99}
    assert [one.where for one in found.untranslated] == [
        "expectation 2: expect_column_values_to_be_prime",
        "expectation 3: expect_column_max_to_be_between",
    ]
    one, two, three, four = translated(json.dumps(GX_1)).suite.checks
    assert (one.severity, one.where) == ("warn", "fare > 3 and coalesce(city != 'Köln', true)")
    assert (two.id, three.kind) == ("city:in_set:2", "columns_unique")
    assert four.arguments == {"expression": "not coalesce(fare < 0, false)"}


def test_schemas_of_pandera() -> None:
    found = translated(PANDERA)
    kinds = [(check.kind, check.columns) for check in found.suite.checks]
    assert kinds == [
        ("column_exists", ("fare",)),
        ("has_type", ("fare",)),
        ("between", ("fare",)),
        ("between", ("fare",)),
        ("has_type", ("city",)),
        ("not_null", ("city",)),
        ("unique", ("city",)),
        ("in_set", ("city",)),
        ("matches", ("city",)),
        ("columns_set", ()),
        ("columns_unique", ("fare", "city")),
    ]
    by_id = {check.id: check for check in found.suite.checks}
    assert by_id["fare:between:2"].arguments["strict_maximum"] is True
    assert by_id["city:in_set"].severity == "warn"
    assert [one.where for one in found.untranslated] == ["city: my_own"]


def test_open_data_contracts() -> None:
    found = translated(CONTRACT)
    by_id = {check.id: check for check in found.suite.checks}
    assert by_id["table:row_count_between"].arguments == {"minimum": 10, "maximum": 20}
    assert by_id["table:row_count_between"].severity == "warn"
    assert by_id["fare:between"].arguments == {
        "minimum": 0,
        "maximum": 100,
        "strict_maximum": True,
    }
    assert by_id["fare:not_null:2"].mostly == 0.95
    assert by_id["id:primary_key"].kind == "unique"
    assert by_id["at:fresh"].arguments == {"within": "2d"}
    assert sorted(one.where for one in found.untranslated) == [
        "fare: text",
        "legs: logicalType",
        "slaProperties: retention",
    ]


@pytest.mark.parametrize(
    "text", ["", "[1]", "a: b", "a: [", "schema_type: series", "expectations: [3]"]
)
def test_odd_files_are_answered_in_a_sentence_or_translated_to_nothing(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert translated(text).suite.checks == ()


@pytest.mark.parametrize(
    ("bound", "mostly"),
    [
        ("mustBe: 0", 1.0),
        ("mustBeLessThan: 1", 1.0),
        ("mustBeBetween: [0, 5], unit: percent", 0.95),
        ("mustBeLessThan: 2", None),
        ("mustBeGreaterThan: 5", None),
        ("mustBe: many", None),
    ],
)
def test_a_contract_may_allow_bad_rows_but_not_ask_for_them(
    bound: str, mostly: float | None
) -> None:
    rule = "{metric: duplicateValues, arguments: {properties: [a, b]}, " + bound + "}"
    found = translated(
        f"{{kind: DataContract, apiVersion: v3.0.1, schema: [{{name: t, quality: [{rule}]}}]}}"
    )
    assert [one.mostly for one in found.suite.checks] == ([] if mostly is None else [mostly])
    assert len(found.untranslated) == (mostly is None)


def test_our_own_file_is_read_back_as_it_was() -> None:
    suite = Suite(
        checks=(
            Check(kind="between", columns=("fare",), arguments={"minimum": 0}, where="a > 1"),
            Check(id="x", kind="columns_unique", columns=("a", "b"), severity="info", mostly=0.5),
        )
    )
    text = to_yaml(suite)
    assert from_yaml(text) == suite
    assert "minimum: 0" in text
    with pytest.raises(InvalidInput, match="Did you mean 'between'"):
        from_yaml("checks: [{kind: betwen, column: a}]")
