"""Splits: the later rows are kept where there is time, else a share of every class."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.errors import InvalidInput
from millwright.training import split, three_way

pytestmark = pytest.mark.core


def timed(moments):
    return pa.table(
        {
            "__time": pa.array(moments, pa.timestamp("us", tz="UTC")),
            "__target": pa.array([float(i) for i in range(len(moments))]),
        }
    )


@given(st.lists(st.integers(0, 30), min_size=2, max_size=60), st.floats(0.1, 0.8))
def test_nothing_learned_from_is_later_than_what_is_kept(moments, holdout):
    kept = round(len(moments) * holdout)
    if kept < 1 or kept >= len(moments):
        return
    train, valid = split(timed(moments), holdout, time=True, seed=0)
    assert sorted([*train, *valid]) == list(range(len(moments)))
    assert len(train)
    assert len(valid)
    values = np.asarray(moments)
    assert values[train].max() <= values[valid].min()
    if len(set(moments)) > 1:
        assert values[train].max() < values[valid].min(), "a moment is on one side only"


@given(
    st.lists(st.sampled_from("abc"), min_size=10, max_size=200),
    st.floats(0.1, 0.5),
    st.integers(0, 5),
)
def test_every_class_keeps_its_share(labels, holdout, seed):
    table = pa.table({"__target": pa.array(labels)})
    train, valid = split(table, holdout, time=False, seed=seed)
    assert sorted([*train, *valid]) == list(range(len(labels)))
    for label in set(labels):
        total = labels.count(label)
        kept = sum(labels[i] == label for i in valid)
        assert abs(kept - total * holdout) <= 1
        if total > 1:
            assert 0 < kept < total


def test_the_same_seed_gives_the_same_rows_and_another_gives_others():
    table = pa.table({"__target": pa.array(np.arange(100.0))})
    first, again, other = (split(table, 0.3, time=False, seed=s)[1] for s in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert len(first) == 30


def test_three_parts_follow_each_other_in_time():
    parts = three_way(timed(list(range(100))), 0.2, time=True, seed=0)
    assert [part.num_rows for part in parts] == [64, 16, 20]
    order = [part["__target"].to_pylist() for part in parts]
    assert max(order[0]) < min(order[1]) <= max(order[1]) < min(order[2])


def test_what_cannot_be_split_is_met_with_a_sentence():
    with pytest.raises(InvalidInput, match="1 rows cannot be split"):
        split(pa.table({"__target": ["a"]}), 0.2, time=False, seed=0)
    with pytest.raises(InvalidInput, match="needs a time column"):
        split(pa.table({"__target": ["a"] * 9}), 0.2, time=True, seed=0)
