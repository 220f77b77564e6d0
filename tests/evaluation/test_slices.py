"""Segments and slices: every row in one segment, the worst one named."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.evaluation import (
    evaluate,
    find_metric,
    observe,
    segments,
    slice_metrics,
    worst_slice,
)
from millwright.kernel.errors import InvalidInput

pytestmark = pytest.mark.core

BINARY = ("no", "yes")


@given(
    st.lists(st.none() | st.floats(-1e3, 1e3), min_size=1, max_size=80)
    | st.lists(st.none() | st.sampled_from("abcdef"), min_size=1, max_size=80)
    | st.lists(st.none() | st.booleans(), min_size=1, max_size=80)
)
def test_every_row_is_in_exactly_one_named_segment(values):
    found = segments(pa.table({"x": values}), "x")
    assert len(found.positions) == len(values)
    assert len(set(found.names)) == len(found.names)
    together = sum(mask.astype(int) for _, mask in found.masks())
    assert (together == 1).all()
    assert all(mask.any() for _, mask in found.masks())
    missing = [i for i, value in enumerate(values) if value is None]
    named = dict(found.masks()).get("(missing)", np.zeros(len(values), bool))
    assert np.flatnonzero(named).tolist() == missing


def test_few_numbers_are_segments_of_their_own_and_many_are_quarters():
    hours = segments(pa.table({"hour": list(range(24)) * 5}), "hour")
    assert len(hours.names) == 24
    assert hours.names[5] == "5"
    ages = segments(pa.table({"age": np.arange(1000.0)}), "age")
    assert len(ages.names) == 4
    assert ages.names[0] == "0 to 249.8"
    assert np.bincount(ages.positions).tolist() == [250, 250, 250, 250]


def test_rare_values_are_taken_together():
    values = [f"v{i:02d}" for i in range(40) for _ in range(41 - i)]
    found = segments(pa.table({"x": values}), "x")
    assert len(found.names) == 31
    assert found.names[-1] == "(other)"


def test_a_slice_has_the_metrics_of_its_rows_and_the_worst_is_named():
    generator = np.random.default_rng(0)
    city = np.repeat(["Oslo", "Rome", "Bern"], [400, 400, 20])
    signal = generator.normal(size=820)
    y = (signal + generator.normal(size=820) > 0).astype(int)
    p = 1 / (1 + np.exp(-signal))
    p[city == "Rome"] = generator.random(400)
    p[city == "Bern"] = 1 - p[city == "Bern"]
    observed = observe("binary", BINARY, y, p)
    table = pa.table({"city": city})
    slices = slice_metrics(table, ["city"], observed, find_metric("binary"))
    by_name = {s.name: s for s in slices}
    rome = by_name["Rome"]
    assert rome.metrics == evaluate("binary", BINARY, y[city == "Rome"], p[city == "Rome"])
    assert rome.low < rome.metrics["roc_auc"] < rome.high
    assert not by_name["Bern"].supported, "twenty rows prove nothing"
    assert worst_slice(slices, "roc_auc") == rome
    assert worst_slice(slices, "log_loss").name == "Rome"
    assert sum(s.share for s in slices) == pytest.approx(1)


def test_a_slice_with_one_class_has_what_is_defined():
    observed = observe("binary", BINARY, [0] * 60 + [0, 1] * 30, [0.2] * 60 + [0.2, 0.8] * 30)
    table = pa.table({"x": ["all no"] * 60 + ["both"] * 60})
    slices = slice_metrics(table, ["x"], observed, find_metric("binary"))
    assert "roc_auc" not in next(s for s in slices if s.name == "all no").metrics
    assert worst_slice(slices, "roc_auc").name == "both"
    assert worst_slice((), "roc_auc") is None


def test_an_unknown_column_is_named_with_the_nearest():
    with pytest.raises(InvalidInput, match="Did you mean 'carrier'"):
        segments(pa.table({"carrier": ["AA"]}), "carier")
