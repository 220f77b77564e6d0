"""Columns of numbers come back as they were packed, and are small where neighbours are alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.kernel.columns import pack_columns, unpack_columns

NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=50))
def test_columns_come_back(rows: list[tuple[int, int, int]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    assert unpack_columns(pack_columns(columns), 3) == columns


def test_times_and_inodes_of_neighbours_take_few_bytes() -> None:
    times = [1_795_342_014_000_000 + 137 * number for number in range(1000)]
    inodes = [4_000_000 + number for number in range(1000)]
    assert len(pack_columns([times, inodes, [4096] * 1000])) < 200


def test_what_is_no_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="decompress"):
        unpack_columns(b"something else", 2)
    with pytest.raises(ValueError, match="same length"):
        unpack_columns(pack_columns([[1], [2], [3]]), 2)
