"""Models that have no ONNX form, or answer differently in it, keep the form of their library."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

from millwright.kernel.errors import Corrupt, Forbidden, InvalidInput
from millwright.kernel.model_package import CODE_RUNTIMES, Manifest
from millwright.kernel.scoring import Scorer, read_manifest
from millwright.registry.inference import infer_fitted
from millwright.registry.packaging import build_package

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(400, 4))
X[:, 3] = RANDOM.integers(0, 5, 400)
Y = X[:, 0] + X[:, 1] * (X[:, 3] > 2)
TABLE = pa.table({name: X[:, i] for i, name in enumerate("abcd")})


def packaged(
    folder: Path, model: Any, classes: list[str] | None = None, **more: Any
) -> tuple[Manifest, Scorer]:
    fitted, table = infer_fitted(model, TABLE, classes)
    build_package(folder, fitted, model="m", reference=table, environment="", **more)
    manifest = read_manifest(folder)
    return manifest, Scorer.open(folder, trust_code=manifest.runtime in CODE_RUNTIMES)


def test_categories_of_histogram_boosting_are_kept_and_asked_without_detours(tmp_path):
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features=[3])
    model.fit(X, np.digitize(Y, [-0.5, 0.5]))
    manifest, scorer = packaged(tmp_path, model)
    assert manifest.runtime == "scikit-learn"
    assert "categorical splits" in str(manifest.why_native)
    np.testing.assert_allclose(
        scorer.predict(TABLE), model.predict_proba(X.astype(np.float32)), atol=1e-9
    )


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_trees_of_histogram_boosting_give_the_estimators_own_numbers(tmp_path, loss):
    from millwright.kernel.runtimes.scikit_learn import _HistogramBoosting

    target = np.abs(Y) + 0.1
    model = HistGradientBoostingRegressor(loss=loss, max_iter=10).fit(X, target)
    rows = X.astype(np.float32)
    np.testing.assert_allclose(_HistogramBoosting(model, False).run(rows), model.predict(rows))
    binary = HistGradientBoostingClassifier(max_iter=10).fit(X, Y > 0)
    np.testing.assert_allclose(
        _HistogramBoosting(binary, True).run(rows), binary.predict_proba(rows)
    )


def test_trees_that_point_outside_themselves_are_refused(tmp_path):
    from skops.io import dumps

    from millwright.kernel.runtimes.scikit_learn import open_model

    model = HistGradientBoostingRegressor(max_iter=2).fit(X, Y)
    manifest, _ = packaged(tmp_path, model)
    open_model(manifest, dumps(model), tmp_path, 1)
    for name, value in (("left", 10_000), ("right", 0), ("feature_idx", 99)):
        broken = HistGradientBoostingRegressor(max_iter=2).fit(X, Y)
        broken._predictors[1][0].nodes[name][0] = value
        with pytest.raises(Corrupt, match="point outside"):
            open_model(manifest, dumps(broken), tmp_path, 1)


def test_what_has_no_graph_is_kept_as_scikit_learn_has_it(tmp_path):
    model = TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1)
    manifest, scorer = packaged(tmp_path, model.fit(X, np.abs(Y)))
    assert manifest.runtime == "scikit-learn"
    np.testing.assert_allclose(scorer.predict(TABLE), model.predict(X.astype(np.float32)))


def test_an_estimator_that_holds_more_than_data_is_refused_and_told_the_way(tmp_path):
    near = KNeighborsClassifier(3, metric="canberra").fit(X, Y > 0)
    with pytest.raises(InvalidInput, match=r"may run code: .*BallTree"):
        packaged(tmp_path, near)


def test_linear_leaves_of_lightgbm_are_kept_as_its_text(tmp_path):
    model = lightgbm.LGBMRegressor(n_estimators=5, linear_tree=True, verbose=-1).fit(X, Y)
    manifest, scorer = packaged(tmp_path, model)
    assert (manifest.runtime, manifest.model_file) == ("lightgbm", "model.txt")
    assert manifest.requires[0].startswith("lightgbm==")
    np.testing.assert_allclose(scorer.predict(TABLE), model.predict(X.astype(np.float32)))


@pytest.mark.parametrize(
    ("kind", "options", "target"),
    [
        ("XGBRegressor", {}, Y),
        ("XGBRegressor", {"objective": "count:poisson"}, np.abs(Y)),
        ("XGBRegressor", {"objective": "reg:absoluteerror"}, Y),
        ("XGBClassifier", {"scale_pos_weight": 3}, Y > 0),
        ("XGBClassifier", {}, np.digitize(Y, [-0.5, 0.5])),
        ("XGBRFClassifier", {}, Y > 0),
    ],
    ids=["squares", "poisson", "absolute", "binary", "multiclass", "forest"],
)
def test_xgboost_becomes_a_graph_that_answers_as_it_was_trained(tmp_path, kind, options, target):
    xgboost = pytest.importorskip("xgboost")
    holed = X.copy()
    holed[::7, 0] = np.nan
    model = getattr(xgboost, kind)(n_estimators=15, n_jobs=1, **options).fit(holed, target)
    manifest, scorer = packaged(tmp_path, model)
    assert (manifest.runtime, manifest.why_native) == ("onnx", None)
    rows = holed.astype(np.float32)
    expected = model.predict_proba(rows) if hasattr(model, "classes_") else model.predict(rows)
    found = scorer.score_matrix(rows)
    np.testing.assert_allclose(
        found, expected[:, 1] if found.ndim < expected.ndim else expected, rtol=1e-4, atol=1e-5
    )


def test_boosters_of_xgboost_that_are_no_plain_trees_are_kept_as_its_document(tmp_path):
    xgboost = pytest.importorskip("xgboost")
    model = xgboost.XGBRegressor(booster="dart", n_estimators=5, rate_drop=0.5, n_jobs=1).fit(X, Y)
    manifest, scorer = packaged(tmp_path, model)
    assert (manifest.runtime, manifest.model_file) == ("xgboost", "model.ubj")
    np.testing.assert_allclose(
        scorer.predict(TABLE), model.predict(X.astype(np.float32)), rtol=1e-5
    )


def test_catboost_is_kept_as_its_own_file(tmp_path):
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostClassifier(iterations=10, verbose=False).fit(X, Y > 0)
    manifest, scorer = packaged(tmp_path, model)
    assert manifest.runtime == "catboost"
    expected = model.predict_proba(X.astype(np.float32))[:, 1]
    np.testing.assert_allclose(scorer.predict(TABLE), expected, rtol=1e-6)


def test_a_network_of_pytorch_is_kept_as_an_exported_program(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3), torch.nn.Softmax(dim=1)
    )
    manifest, scorer = packaged(tmp_path, model, ["low", "middle", "high"])
    assert manifest.runtime == "torch"
    with torch.inference_mode():
        expected = model(torch.from_numpy(X.astype(np.float32))).numpy()
    np.testing.assert_allclose(scorer.predict(TABLE), expected, rtol=1e-5)
    assert scorer.score_matrix(X[:1].astype(np.float32)).shape == (1, 3)


MODULE = """
from pathlib import Path
import numpy as np

class Doubling:
    def load(self, folder):
        self.factor = float((Path(folder) / "factor.text").read_text())

    def predict(self, matrix):
        return matrix[:, 0] * self.factor
"""


def test_any_class_with_load_and_predict_is_a_model_for_who_trusts_it(tmp_path):
    source = tmp_path / "doubling_model.py"
    source.write_text(MODULE)
    (tmp_path / "factor.text").write_text("2.0")
    spec = importlib.util.spec_from_file_location("doubling_model", source)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["doubling_model"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Doubling()
    model.load(tmp_path)
    folder = tmp_path / "package"
    manifest, scorer = packaged(folder, model, beside={"factor.text": b"2.0"})
    assert (manifest.runtime, manifest.entry) == ("python", "Doubling")
    assert "factor.text" in manifest.digests, "what it reads is vouched for too"
    np.testing.assert_allclose(scorer.predict(TABLE), 2 * X[:, 0], rtol=1e-6)
    with pytest.raises(Forbidden, match="nobody has said to trust") as refused:
        Scorer.open(folder)
    assert "--trust-code" in str(refused.value)
    (folder / "factor.text").write_text("3.0")
    with pytest.raises(Corrupt, match=r"factor\.text"):
        Scorer.open(folder, trust_code=True)


def test_a_model_of_mlflow_is_served_as_mlflow_runs_it(tmp_path):
    mlflow = pytest.importorskip("mlflow.pyfunc")

    class Total(mlflow.PythonModel):  # type: ignore[name-defined,misc]
        def predict(self, context, model_input, params=None):
            return model_input[["a", "b"]].sum(axis=1)

    mlflow.save_model(str(tmp_path / "mlflow"), python_model=Total(), pip_requirements=["mlflow"])
    manifest, scorer = packaged(tmp_path / "package", tmp_path / "mlflow")
    assert (manifest.runtime, manifest.model_file) == ("pyfunc", "model.zip")
    np.testing.assert_allclose(scorer.predict(TABLE), X[:, 0] + X[:, 1], rtol=1e-5, atol=1e-6)


def test_what_is_no_model_is_told_what_a_model_is():
    class Nothing:
        n_features_in_ = 4

    fitted, table = infer_fitted(Nothing(), TABLE)
    with pytest.raises(InvalidInput, match=r"load\(folder\) and predict"):
        build_package(Path("/nonexistent"), fitted, model="m", reference=table, environment="")
