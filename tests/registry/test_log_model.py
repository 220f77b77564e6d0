"""``mw.log_model`` and ``mw.load_model``: from somebody's own estimator and back."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.registry.api import load_model, log_model
from millwright.tracking import get_run, list_artifacts
from millwright.tracking.api import log_metric, start_run

P = "own"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def frame(rows: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(2)
    x = generator.normal(size=rows)
    kind = generator.choice(["b", "a", "c"], rows)
    table = pd.DataFrame({"x": x, "n": generator.integers(0, 9, rows), "kind": kind})
    return table, np.where(x + (kind == "a") > 0.5, "yes", "no")


def test_a_scikit_learn_pipeline_comes_back_predicting_the_same(door: Door) -> None:
    table, target = frame()
    rows = table[["x", "n"]]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, target)
    with start_run("mine", project=P, door=door) as run:
        log_metric("auc", 0.8)
        version = log_model(model, "late", example=rows)
    assert (version.model, version.version, version.run) == ("late", 1, run.id)
    assert version.metrics == {"auc": 0.8}
    assert [field.name for field in version.signature] == ["x", "n"]
    names = {artifact.name for artifact in list_artifacts(door, run.id)}
    assert {"model/model.onnx", "model/manifest.json", "model/card.html"} <= names
    loaded = load_model("late@1", project=P, door=door)
    expected = model.predict_proba(rows)[:, 1]
    for asked in (rows, pl.from_pandas(rows), rows.to_numpy()):
        np.testing.assert_allclose(loaded.predict(asked), expected, atol=1e-5)
    assert loaded.predict_labels(rows) == list(model.predict(rows))


def test_lightgbm_on_pandas_categories_keeps_their_meaning(door: Door) -> None:
    table, target = frame()
    table["kind"] = table["kind"].astype("category")
    model = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1).fit(table, target)
    with start_run(project=P, door=door):
        log_model(model, "late", example=table)
    loaded = load_model("late@1", project=P, door=door)
    np.testing.assert_allclose(loaded.predict(table), model.predict_proba(table)[:, 1], atol=1e-5)
    # As text, in another order: the level decides, not its position in the caller's table.
    text = table.assign(kind=table["kind"].astype(str)).iloc[::-1]
    np.testing.assert_allclose(loaded.predict(text), model.predict_proba(table)[::-1, 1], atol=1e-5)


def test_arrays_and_regression_work(door: Door) -> None:
    generator = np.random.default_rng(4)
    matrix = generator.normal(size=(300, 3))
    model = Ridge().fit(matrix, matrix @ [1.0, 2.0, 3.0])
    with start_run(project=P, door=door):
        version = log_model(model, example=matrix)
    assert version.model == P
    loaded = load_model(f"{P}@1", project=P, door=door)
    np.testing.assert_allclose(loaded.predict(matrix), model.predict(matrix), atol=1e-4)
    with pytest.raises(InvalidInput, match="predicts numbers"):
        loaded.predict_labels(matrix)


def test_the_target_left_in_the_example_is_not_an_input(door: Door) -> None:
    table, target = frame()
    rows = table[["x", "n"]]
    model = RandomForestClassifier(5, random_state=1).fit(rows, target)
    with start_run(project=P, door=door):
        version = log_model(model, "late", example=table.assign(late=target))
    assert [field.name for field in version.signature] == ["x", "n"]


def test_mistakes_are_met_with_a_sentence(door: Door) -> None:
    table, target = frame()
    rows = table[["x", "n"]].to_numpy()
    model = LogisticRegression().fit(rows, target)
    with start_run(project=P, door=door):
        with pytest.raises(InvalidInput, match="needs some rows"):
            log_model(model, "late")
        with pytest.raises(InvalidInput, match="takes 2 columns; the example has 3"):
            log_model(model, "late", example=np.zeros((5, 3)))
        with pytest.raises(InvalidInput, match="Fit it first"):
            log_model(LogisticRegression(), "late", example=rows)
        with pytest.raises(InvalidInput, match="'kind' is"):
            log_model(model, "late", example=table[["x", "kind"]])
        with pytest.raises(InvalidInput, match="is no table"):
            log_model(model, "late", example="rows.csv")
    with pytest.raises(NotFound, match="no model named 'late'"):
        load_model("late", project=P, door=door)


def test_a_failed_run_says_why(door: Door) -> None:
    with pytest.raises(ZeroDivisionError), start_run(project=P, door=door) as run:
        _ = 1 / 0
    read = get_run(door, run.id)
    assert (read.status, read.error) == ("failed", "ZeroDivisionError: division by zero")


def test_a_model_without_a_graph_is_registered_and_comes_back_as_its_library_has_it(
    door: Door,
) -> None:
    table, _ = frame()
    rows = table[["x", "n"]]
    model = lightgbm.LGBMRegressor(n_estimators=3, linear_tree=True, verbose=-1)
    model.fit(rows, rows["x"] * 2)
    with start_run("mine", project=P, door=door) as run:
        version = log_model(model, "native", example=rows)
    assert "model/model.txt" in {artifact.name for artifact in list_artifacts(door, run.id)}
    card = next(one for one in list_artifacts(door, run.id) if one.name == "model/card.md")
    said = door.fetch(P, card.digest).decode()
    assert "| Runtime | lightgbm: no ONNX graph, for The model uses linear trees" in said
    loaded = load_model(f"native@{version.version}", project=P, door=door)
    np.testing.assert_allclose(loaded.predict(rows), model.predict(rows), rtol=1e-6)
