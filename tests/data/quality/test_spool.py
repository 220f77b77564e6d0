"""Exact ranks and repetitions, in memory and beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.data.quality.spool import Spool, floats, from_sortable, sortable

NUMBERS = st.lists(st.floats(allow_nan=False), min_size=1, max_size=200)


@pytest.mark.parametrize("in_memory", [1 << 20, 8])
@settings(max_examples=30, deadline=None)
@given(numbers=NUMBERS)
def test_ranks_and_repetitions_are_exact(in_memory: int, numbers: list[float]) -> None:
    spool = Spool(in_memory)
    whole = np.array(numbers) + 0.0
    for start in range(0, len(whole), 7):
        spool.add(sortable(whole[start : start + 7]))
    ranks = list(range(len(whole)))
    assert [from_sortable(number) for number in spool.ranked(ranks)] == np.sort(whole).tolist()
    values, counts = np.unique(whole, return_counts=True)
    different, repeated = spool.repeated()
    assert different == len(values)
    assert np.sort(floats(repeated)).tolist() == values[counts > 1].tolist()
    assert np.concatenate([*spool.parts()]).tolist() == sortable(whole).tolist()


@pytest.mark.parametrize("in_memory", [1 << 20, 8])
@settings(max_examples=60, deadline=None)
@given(numbers=st.lists(st.integers(0, 40) | st.integers(0, 2**64 - 1), min_size=1, max_size=60))
def test_repetitions_are_exact_whether_numbers_rise_lie_close_or_far_apart(
    in_memory: int, numbers: list[int]
) -> None:
    for order in (numbers, sorted(numbers), list(dict.fromkeys(numbers))):
        spool = Spool(in_memory)
        for start in range(0, len(order), 7):
            spool.add(np.array(order[start : start + 7], np.uint64))
        values, counts = np.unique(np.array(order, np.uint64), return_counts=True)
        different, repeated = spool.repeated()
        assert different == len(values)
        assert np.sort(repeated).tolist() == values[counts > 1].tolist()
