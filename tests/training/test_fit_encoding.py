"""What each style of encoding learns from a table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from millwright.kernel.encoding import encode
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field
from millwright.training import fit_encoding

pytestmark = pytest.mark.core

TABLE = pa.table(
    {
        "size": pa.array([1.0, 2.0, None, 5.0]),
        "city": pa.array(["Rome", "Oslo", "Rome", None]),
        "empty": pa.nulls(4),
        "same": pa.array([3, 3, 3, 3]),
    }
)
FIELDS = (
    Field(name="size", kind="numeric"),
    Field(name="city", kind="categorical"),
    Field(name="empty", kind="numeric"),
    Field(name="same", kind="numeric"),
)


def test_trees_see_numbers_with_gaps_and_codes_by_frequency():
    encoding = fit_encoding(TABLE, FIELDS, "tree")
    np.testing.assert_array_equal(
        encode(TABLE, encoding),
        [[1, 0, 3], [2, 1, 3], [np.nan, 0, 3], [5, np.nan, 3]],
    )


def test_forests_see_no_gaps_but_are_told_of_them():
    encoding = fit_encoding(TABLE, FIELDS, "forest")
    assert [(c.field, c.how) for c in encoding.columns] == [
        ("size", "number"),
        ("size", "missing"),
        ("city", "code"),
        ("same", "number"),
    ]
    matrix = encode(TABLE, encoding)
    assert np.isfinite(matrix).all()
    assert matrix[2].tolist() == [2, 1, 0, 3]
    assert matrix[3, 2] == -2


def test_linear_models_see_standardised_numbers_and_indicators():
    encoding = fit_encoding(TABLE, FIELDS, "linear")
    matrix = encode(TABLE, encoding)
    assert [column.name for column in encoding.columns] == [
        "size",
        "size",
        "city=Rome",
        "city=Oslo",
        "city",
    ]
    assert np.isfinite(matrix).all()
    assert matrix[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert matrix[:, 0].std() == pytest.approx(1, abs=1e-6)
    assert matrix[:, 2:].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_only_the_most_frequent_levels_are_kept():
    values = [f"v{i:03d}" for i in range(400) for _ in range(401 - i)]
    table = pa.table({"city": values})
    fields = (Field(name="city", kind="categorical"),)
    tree = fit_encoding(table, fields, "tree").columns
    assert len(tree[0].levels) == 255
    assert tree[0].levels[0] == "v000"
    assert len(fit_encoding(table, fields, "linear").columns) == 30


def test_a_missing_field_is_named_with_the_nearest():
    with pytest.raises(InvalidInput, match="Did you mean 'size'"):
        fit_encoding(TABLE, (Field(name="sise", kind="numeric"),), "tree")


def test_a_table_with_nothing_in_it_is_met_with_a_sentence():
    with pytest.raises(InvalidInput, match="no column to learn from"):
        fit_encoding(TABLE, (Field(name="empty", kind="numeric"),), "linear")
