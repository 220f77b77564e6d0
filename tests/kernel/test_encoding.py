"""Encoding: one matrix from tables, from decoded columns and from Python values."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.encoding import (
    Encoder,
    encode,
    encode_columns,
    from_arrow,
    from_python,
)
from millwright.kernel.model_package import EncodedColumn, Encoding, Field

pytestmark = pytest.mark.core

ENCODING = Encoding(
    columns=(
        EncodedColumn(field="age", how="number", fill=40.0, shift=40.0, scale=10.0),
        EncodedColumn(field="age", how="number"),
        EncodedColumn(field="age", how="missing"),
        EncodedColumn(field="city", how="code", levels=("Oslo", "Rome")),
        EncodedColumn(field="city", how="code", levels=("Rome",), fill=-2.0),
        EncodedColumn(field="city", how="indicator", levels=("Rome",)),
        EncodedColumn(field="city", how="missing"),
        EncodedColumn(field="member", how="number"),
    )
)
FIELDS = (
    Field(name="age", kind="numeric"),
    Field(name="city", kind="categorical"),
    Field(name="member", kind="boolean"),
)


def by_hand(age: float | None, city: str | None, member: bool | None) -> list[float]:
    """What the docstring of EncodedColumn says, written down literally."""
    nan = float("nan")
    return [
        ((40.0 if age is None else age) - 40.0) / 10.0,
        nan if age is None else age,
        1.0 if age is None else 0.0,
        nan if city is None else {"Oslo": 0.0, "Rome": 1.0}.get(city, -1.0),
        -2.0 if city is None else {"Rome": 0.0}.get(city, -1.0),
        1.0 if city == "Rome" else 0.0,
        1.0 if city is None else 0.0,
        nan if member is None else float(member),
    ]


row = st.tuples(
    st.none() | st.floats(-1e6, 1e6),
    st.none() | st.sampled_from(["Oslo", "Rome", "Bern", "rome", ""]),
    st.none() | st.booleans(),
)


@given(st.lists(row, max_size=20))
def test_every_way_in_gives_what_the_definition_says(rows):
    expected = np.asarray([by_hand(*r) for r in rows], dtype=np.float32).reshape(-1, 8)
    ages, cities, members = ([r[i] for r in rows] for i in range(3))
    table = pa.table(
        {
            "age": pa.array(ages, pa.float64()),
            "city": pa.array(cities, pa.string()),
            "member": pa.array(members, pa.bool_()),
        }
    )
    python = dict(zip(("age", "city", "member"), (ages, cities, members), strict=True))
    columns = {field.name: from_python(python[field.name], field) for field in FIELDS}
    np.testing.assert_array_equal(encode(table, ENCODING), expected)
    np.testing.assert_array_equal(encode_columns(columns, ENCODING), expected)
    assert encode(table, ENCODING).dtype == np.float32


def test_rows_encode_the_same_alone_as_together():
    table = pa.table(
        {
            "age": pa.array([1.5, None, 7.0]),
            "city": pa.array(["Rome", None, "x"]),
            "member": pa.array([True, None, False]),
        }
    )
    encoder = Encoder(ENCODING)
    together = encoder.encode_table(table)
    alone = [encoder.encode_table(table.slice(i, 1))[0] for i in range(3)]
    np.testing.assert_array_equal(together, np.stack(alone))


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([["Rome", None], ["Oslo"]]),
        pa.chunked_array([pa.array(["Rome", None, "Oslo"]).dictionary_encode()]),
        pa.chunked_array([pa.array(["Rome", None, "Oslo"], pa.large_string())]),
    ],
)
def test_text_is_text_however_arrow_stores_it(column):
    encoding = Encoding(columns=(EncodedColumn(field="city", how="code", levels=("Oslo", "Rome")),))
    matrix = encode(pa.table({"city": column}), encoding)
    np.testing.assert_array_equal(matrix[:, 0], [1, np.nan, 0])
    assert from_arrow(column).tolist() == ["Rome", None, "Oslo"]


def test_a_column_that_is_null_throughout_is_missing_throughout():
    table = pa.table({"age": pa.nulls(2), "city": pa.nulls(2), "member": pa.nulls(2)})
    np.testing.assert_array_equal(
        encode(table, ENCODING), np.asarray([by_hand(None, None, None)] * 2, dtype=np.float32)
    )


def test_numbers_where_text_was_learned_are_unknown_levels():
    encoding = Encoding(
        columns=(
            EncodedColumn(field="code", how="code", levels=("1", "2")),
            EncodedColumn(field="code", how="indicator", levels=("1",)),
        )
    )
    matrix = encode(pa.table({"code": pa.array([1.0, None])}), encoding)
    np.testing.assert_array_equal(matrix, [[-1, 0], [np.nan, 0]])
