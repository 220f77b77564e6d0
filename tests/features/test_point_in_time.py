"""Joins against a loop that anyone can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.features.point_in_time import join_as_of, join_by_key, take_rows
from millwright.kernel.errors import InvalidInput

START = datetime(2013, 1, 1, tzinfo=UTC)
MOMENT = st.none() | st.integers(-5, 40)
KEY = st.sampled_from(["a", "b", "c", None])
ROWS = st.lists(st.tuples(KEY, st.sampled_from([1, 2, None]), MOMENT), max_size=30)


def _table(rows: list[tuple[str | None, int | None, int | None]]) -> pa.Table:
    moments = [None if m is None else START + timedelta(minutes=m) for _, _, m in rows]
    return pa.table(
        {
            "k": pa.array([k for k, _, _ in rows], pa.string()),
            "n": pa.array([n for _, n, _ in rows], pa.int64()),
            "t": pa.array(moments, pa.timestamp("us", tz="UTC")),
        }
    )


@given(ROWS, ROWS, st.integers(0, 20), st.sampled_from([["k"], ["k", "n"], []]))
def test_the_as_of_join_agrees_with_a_loop(
    main: list[tuple[str | None, int | None, int | None]],
    side: list[tuple[str | None, int | None, int | None]],
    tolerance: int,
    keys: list[str],
) -> None:
    found = join_as_of(
        _table(main),
        _table(side),
        keys=keys,
        main_time="t",
        side_time="t",
        tolerance_ms=tolerance * 60_000,
    )
    for row, (k, n, moment) in enumerate(main):
        wanted = {"k": k, "n": n}
        best, best_time = -1, None
        for other, (side_k, side_n, side_moment) in enumerate(side):
            theirs = {"k": side_k, "n": side_n}
            if any(wanted[key] is None or wanted[key] != theirs[key] for key in keys):
                continue
            if moment is None or side_moment is None or side_moment > moment:
                continue
            if moment - side_moment > tolerance:
                continue
            if best_time is None or side_moment >= best_time:
                best, best_time = other, side_moment
        assert found[row] == best


@given(ROWS, ROWS, st.sampled_from([["k"], ["k", "n"]]))
def test_the_key_join_takes_the_first_match_and_never_multiplies_rows(
    main: list[tuple[str | None, int | None, int | None]],
    side: list[tuple[str | None, int | None, int | None]],
    keys: list[str],
) -> None:
    found = join_by_key(_table(main), _table(side), keys=keys)
    assert len(found) == len(main)
    for row, (k, n, _) in enumerate(main):
        wanted = [{"k": k, "n": n}[key] for key in keys]
        matches = [
            i
            for i, (side_k, side_n, _) in enumerate(side)
            if None not in wanted and [{"k": side_k, "n": side_n}[key] for key in keys] == wanted
        ]
        assert found[row] == (matches[0] if matches else -1)


def test_an_observation_of_the_same_moment_is_known() -> None:
    table = _table([("a", 1, 10)])
    found = join_as_of(table, table, keys=["k"], main_time="t", side_time="t", tolerance_ms=0)
    assert found.tolist() == [0]


def test_rows_without_a_match_bring_nulls() -> None:
    side = pa.table({"x": [1.0, 2.0]})
    taken = take_rows(side, np.array([1, -1, 0]), ["x"])
    assert taken["x"].to_pylist() == [2.0, None, 1.0]
    empty = take_rows(side.slice(0, 0), np.array([-1, -1]), ["x"])
    assert empty["x"].to_pylist() == [None, None]


def test_keys_of_different_types_meet_as_text() -> None:
    main, side = pa.table({"k": [1, 2]}), pa.table({"k": ["2", "1"]})
    assert join_by_key(main, side, keys=["k"]).tolist() == [1, 0]


def test_a_misspelt_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'origin'"):
        join_by_key(pa.table({"origin": ["a"]}), pa.table({"origin": ["a"]}), keys=["orign"])
