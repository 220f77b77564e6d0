"""Labels find their predictions, the last one wins, and spelling is forgiven."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millwright.monitoring.drift import Reference
from millwright.monitoring.labels import (
    any_of,
    class_codes,
    join_labels,
    label_table,
    label_text,
    numbers,
)
from millwright.monitoring.measuring import measure
from millwright.monitoring.performance import (
    Estimate,
    WatchedModel,
    drop_of,
    labelled_rows,
    version_scores,
)
from millwright.monitoring.records import Label

ids = st.integers(0, 12).map(str)


@settings(deadline=None)
@given(st.lists(ids, max_size=30), st.lists(st.tuples(ids, st.integers(0, 3)), max_size=30))
def test_joining_agrees_with_a_dictionary(
    predictions: list[str], posted: list[tuple[str, int]]
) -> None:
    table = label_table([Label(prediction_id=name, value=value) for name, value in posted])
    known = {name: str(value) for name, value in posted}
    found = join_labels(pa.chunked_array([predictions], pa.string()), table)
    assert found.to_pylist() == [known.get(name) for name in predictions]
    chunks = pa.chunked_array([predictions], pa.string())
    assert any_of(chunks, table) == any(name in known for name in predictions)


@pytest.mark.parametrize(
    ("classes", "spelling", "code"),
    [
        (("0", "1"), True, 1),
        (("0", "1"), 1.0, 1),
        (("0", "1"), "0", 0),
        (("False", "True"), 1, 1),
        (("False", "True"), False, 0),
        (("no", "yes"), "Yes", 1),
        (("a", "A"), "A", 1),
        (("1", "2", "3"), 3.0, 2),
        (("1.0", "2.0"), 2, 1),
        (("no", "yes"), "maybe", -1),
        (("no", "yes"), True, -1),
    ],
)
def test_labels_are_the_classes_they_mean(
    classes: tuple[str, ...], spelling: object, code: int
) -> None:
    text = label_text(spelling)  # type: ignore[arg-type]
    assert class_codes(pa.array([text, None]), classes).tolist() == [code, -1]


def test_numbers_are_read_and_nonsense_is_missing() -> None:
    found = numbers(pa.array(["1.5", "x", None, "3"]))
    assert found[[0, 3]].tolist() == [1.5, 3.0]
    assert np.isnan(found[[1, 2]]).all()


def rows(**columns: object) -> pa.Table:
    return pa.table({"prediction_id": ["a", "b", "c", "a"], **columns})


def watched(task: str = "binary", classes: tuple[str, ...] = ("0", "1")) -> WatchedModel:
    return WatchedModel("v1", task, classes, 0.5, Reference(columns=()))  # type: ignore[arg-type]


def test_a_version_is_measured_on_answers_and_on_shadows() -> None:
    table = rows(
        version_id=["v1", "v2", "v2", "v1"],
        score=[0.1, 0.2, 0.3, 0.4],
        shadow_version_id=[None, "v1", None, "v2"],
        shadow_score=[None, 0.7, None, 0.9],
    )
    assert version_scores(table, "v1", "binary")[[0, 1, 3]].tolist() == [0.1, 0.7, 0.4]
    assert np.isnan(version_scores(table, "v1", "binary")[2])
    labels = label_table([Label(prediction_id=n, value=v) for n, v in [("a", 1), ("b", 0)]])
    found = labelled_rows(table, labels, watched())
    assert found.actual.tolist() == [1.0, 0.0]
    assert found.scores.tolist() == [0.1, 0.7]


def test_several_classes_are_measured_from_their_probabilities() -> None:
    given_scores = pa.array([[0.2, 0.8, 0.0], [1.0, 0.0, 0.0], None, [0.1, 0.1, 0.8]])
    table = rows(version_id=["v1"] * 4, score=[0.8, 1.0, 0.9, 0.8], scores=given_scores)
    labels = label_table([Label(prediction_id=n, value=n) for n in "abc"])
    found = labelled_rows(table, labels, watched("multiclass", ("a", "b", "c")))
    assert found.actual.tolist() == [0.0, 1.0]
    assert found.scores.shape == (2, 3)


def test_every_task_is_measured_with_an_interval() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 500).astype(float)
    found = measure(watched(), truth, rng.random(500), "auto")
    assert found[0].metric == "roc_auc"
    assert measure(watched(), truth, rng.random(500), "brier")[0].metric == "brier"
    assert measure(watched(), truth, rng.random(500), "no such metric")[0].metric == "roc_auc"
    regression = measure(watched("regression", ()), truth, rng.random(500), "auto")
    assert regression[0].metric == "r2"
    assert {estimate.metric for estimate in regression} == {"r2", "rmse", "mae"}
    three = measure(
        watched("multiclass", ("a", "b", "c")),
        np.arange(300.0) % 3,
        np.full((300, 3), 1 / 3),
        "auto",
    )
    assert three[0].metric == "roc_auc_ovr"
    for estimate in (*found, *regression, *three):
        assert estimate.low is not None
        assert estimate.low <= estimate.value <= (estimate.high or np.inf)


def test_one_class_leaves_the_area_undefined_and_the_rest_measured() -> None:
    found = measure(watched(), np.zeros(50), np.full(50, 0.3), "auto")
    assert "roc_auc" not in {estimate.metric for estimate in found}
    assert "brier" in {estimate.metric for estimate in found}


def test_a_drop_is_in_the_metrics_unit_or_a_share_of_an_error() -> None:
    assert drop_of(Estimate("roc_auc", 0.7, None, None, True), 0.75) == pytest.approx(0.05)
    assert drop_of(Estimate("rmse", 12.0, None, None, False), 10.0) == pytest.approx(0.2)
    assert drop_of(Estimate("rmse", 12.0, None, None, False), None) is None
