"""From bytes to matrix: what is accepted, what is refused, and that the fast path is exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.kernel.encoding import encode_columns, from_python
from millwright.kernel.errors import Conflict, InvalidInput
from millwright.kernel.model_package import EncodedColumn, Encoding, Field
from millwright.serving.encoder import RowEncoder
from millwright.serving.open_inference import read_question
from millwright.serving.signature import InputSignature, Rows

FIELDS = (
    Field(name="x", kind="numeric"),
    Field(name="c", kind="categorical"),
    Field(name="b", kind="boolean", nullable=False),
)
SIGNATURE = InputSignature.compile(FIELDS)


def tensor(name: str, datatype: str, data: str, shape: str = "[1]") -> str:
    return f'{{"name":"{name}","shape":{shape},"datatype":"{datatype}","data":{data}}}'


GOOD = {
    "x": tensor("x", "FP64", "[1.5]"),
    "c": tensor("c", "BYTES", '["u"]'),
    "b": tensor("b", "BOOL", "[true]"),
}


def read(**changed: str) -> Rows:
    tensors = ",".join(part for part in {**GOOD, **changed}.values() if part)
    return read_question(f'{{"inputs":[{tensors}]}}'.encode(), SIGNATURE).rows


@pytest.mark.parametrize(
    ("name", "sent", "value"),
    [
        ("x", tensor("x", "FP32", "[2]"), 2.0),
        ("x", tensor("x", "INT64", "[3]"), 3.0),
        ("x", tensor("x", "BOOL", "[true]"), 1.0),
        ("x", tensor("x", "FP64", "[null]"), None),
        ("x", tensor("x", "FP64", "[[4.5]]", "[1,1]"), 4.5),
        ("c", tensor("c", "INT32", "[7]"), "7"),
        ("c", tensor("c", "BYTES", "[null]"), None),
        ("b", tensor("b", "INT64", "[0]"), 0.0),
    ],
)
def test_datatypes_are_accepted_where_they_make_sense(name, sent, value):
    assert read(**{name: sent}).column(SIGNATURE.positions[name]) == [value]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"x": ""}, "Tensor 'x' is missing: expected datatype FP64"),
        ({"x": "", "y": tensor("xx", "FP64", "[1]")}, "Tensor 'x' is missing"),
        ({"y": tensor("carriers", "FP64", "[1]")}, "takes no tensor 'carriers'"),
        ({"y": tensor("x", "FP64", "[1]")}, "'x' was sent twice"),
        ({"x": tensor("x", "BYTES", '["1"]')}, "expected datatype FP64, got 'BYTES'"),
        ({"x": tensor("x", "FP64", '["1"]')}, "row 0: expected a value of FP64"),
        ({"x": tensor("x", "INT64", "[1.5]")}, "expected a value of INT64 (numeric), got 1.5"),
        ({"c": tensor("c", "BYTES", "[1]")}, "expected a value of BYTES (categorical), got 1"),
        ({"b": tensor("b", "BOOL", "[null]")}, "'b' must not hold null"),
        ({"b": tensor("b", "INT64", "[2]")}, "'b', row 0: expected a value of INT64 (boolean)"),
        ({"x": tensor("x", "FP64", "[1,2]", "[2]")}, "'c': expected shape [2]"),
        ({"c": tensor("c", "BYTES", '["u"]', "[2]")}, "'c': expected shape [1]"),
        ({"x": tensor("x", "FP64", "[1,2]")}, "'x': expected 1 values as its shape says, got 2"),
        ({"x": tensor("x", "FP64", "[]", "[0]")}, "at least one row"),
        ({"x": tensor("x", "FP64", "[1]", "[1,2]")}, "'x': expected shape"),
        ({"x": tensor("x", "FP64", "[1]", "[-1]")}, "'x': expected shape"),
        ({"x": tensor("x", "FP64", "[[1,2]]", "[1,1]")}, "one value in each row"),
        ({"x": tensor("x", "FP64", "1")}, 'tensor "x"'),
        ({"x": tensor("x", "FP64", "[1e999]")}, "out of range"),
        ({"x": '{"name":"x","shape":[1],"datatype":"FP64"}'}, "'x' has no data"),
        ({"x": '{"name":"x","shape":[1]}'}, 'tensor "x"'),
    ],
)
def test_a_refusal_names_the_tensor_and_what_came(changed, sentence):
    with pytest.raises(InvalidInput) as refused:
        read(**changed)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ('{"prediction_ids":["a","b"]}', "2 entries for 1 rows"),
        ('{"prediction_ids":[""]}', "1 to 200 characters"),
        ('{"event_time":"yesterday"}', "is not a time"),
        ('{"event_times":["2013-01-01T00:00:00Z","2013-01-01T00:00:00Z"]}', "2 entries"),
        ('{"event_time":5}', "not an inference request"),
    ],
)
def test_parameters_are_checked(parameters, sentence):
    body = f'{{"inputs":[{",".join(GOOD.values())}],"parameters":{parameters}}}'
    with pytest.raises(InvalidInput) as refused:
        read_question(body.encode(), SIGNATURE)
    assert sentence in str(refused.value)


def test_fields_only_a_canary_knows_may_be_left_out():
    extra = Field(name="new", kind="numeric", nullable=False)
    signature = InputSignature.compile(FIELDS, (*FIELDS[:1], extra))
    body = f'{{"inputs":[{",".join(GOOD.values())}]}}'.encode()
    assert read_question(body, signature).rows.column(3) == [None]
    with pytest.raises(Conflict, match="one request cannot serve both"):
        InputSignature.compile(FIELDS, (Field(name="x", kind="categorical"),))


def test_numbers_beyond_float32_are_refused_by_name():
    encoder = RowEncoder(Encoding(columns=(EncodedColumn(field="x", how="number"),)), FIELDS)
    with pytest.raises(InvalidInput, match="'x', row 1"):
        encoder.encode(Rows.of_columns([[1.0, 1e300], ["u", "u"], [1.0, 1.0]], 2))


finite = st.floats(-1e30, 1e30)
columns = st.lists(
    st.one_of(
        st.builds(
            EncodedColumn,
            field=st.sampled_from(["x", "b"]),
            how=st.sampled_from(["number", "missing"]),
            fill=st.none() | st.floats(-1e6, 1e6),
            shift=st.floats(-1e6, 1e6),
            scale=st.floats(1e-3, 1e6),
        ),
        st.builds(
            EncodedColumn,
            field=st.sampled_from(["x", "c", "b"]),
            how=st.sampled_from(["code", "indicator", "missing"]),
            levels=st.lists(st.sampled_from(["u", "v", "w", ""]), min_size=1, unique=True).map(
                tuple
            ),
        ),
    ),
    min_size=1,
    max_size=8,
)
rows = st.lists(
    st.tuples(
        st.none() | finite,
        st.none() | st.sampled_from(["u", "v", "other", ""]),
        st.none() | st.sampled_from([0.0, 1.0]),
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@given(columns, rows)
def test_the_fast_path_equals_the_kernels_encoding(columns, rows):
    encoding = Encoding(columns=tuple(columns))
    values = [list(column) for column in zip(*rows, strict=True)]
    reference = {
        field.name: from_python(column, field) for field, column in zip(FIELDS, values, strict=True)
    }
    expected = encode_columns(reference, encoding)
    if np.isinf(expected).any():
        return
    found = RowEncoder(encoding, FIELDS).encode(Rows.of_columns(values, len(rows)))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
