"""Packages answer as the trained estimators do, byte for byte the same each time."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from millwright.kernel.encoding import encode
from millwright.kernel.errors import Corrupt, InvalidInput, NotFound
from millwright.kernel.model_package import EncodedColumn, Encoding, Field
from millwright.kernel.runtimes.onnx import session
from millwright.kernel.scoring import Scorer
from millwright.registry.packaging import build_package, export_onnx, parity, require_parity
from millwright.registry.packaging.trees import floor32

ROWS, WIDTH = 3000, 6
_rng = np.random.default_rng(11)
FULL = _rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
# Whole numbers put many rows exactly on a split.
FULL[:, 4] = np.round(FULL[:, 4] * 3)
HOLED = np.where(_rng.random(FULL.shape) < 0.15, np.float32(np.nan), FULL)
CODES = HOLED.copy()
CODES[:, 3] = _rng.integers(-1, 45, ROWS)
CODES[:50, 3] = np.nan
BINARY = (FULL[:, 0] + FULL[:, 1] ** 2 + (CODES[:, 3] % 7 == 1) > 0.5).astype(int)
MULTI = np.digitize(FULL[:, 0] + FULL[:, 2] * FULL[:, 1], [-0.7, 0.7])
NUMBER = FULL[:, 0] * 3 + FULL[:, 1] ** 2
QUIET: dict[str, Any] = {"n_estimators": 30, "verbose": -1, "n_jobs": 1, "random_state": 1}
TREES: dict[str, Any] = {"n_estimators": 20, "random_state": 1}

CASES = [
    ("logistic", LogisticRegression(), FULL, BINARY, FULL, "binary"),
    ("logistic-3", LogisticRegression(), FULL, MULTI, FULL, "multiclass"),
    ("ridge", Ridge(), FULL, NUMBER, FULL, "regression"),
    ("tree", DecisionTreeClassifier(random_state=1), HOLED, MULTI, HOLED, "multiclass"),
    ("forest", RandomForestClassifier(**TREES), HOLED, BINARY, HOLED, "binary"),
    ("forest-unseen-nan", RandomForestClassifier(**TREES), FULL, BINARY, HOLED, "binary"),
    ("extra", ExtraTreesClassifier(**TREES), HOLED, MULTI, HOLED, "multiclass"),
    ("forest-r", RandomForestRegressor(**TREES), HOLED, NUMBER, HOLED, "regression"),
    ("extra-r", ExtraTreesRegressor(**TREES), HOLED, NUMBER * 1e6, HOLED, "regression"),
    (
        "hist",
        HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=15),
        HOLED,
        BINARY,
        HOLED,
        "binary",
    ),
    (
        "hist-3",
        HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=15),
        HOLED,
        MULTI,
        HOLED,
        "multiclass",
    ),
    (
        "hist-r",
        HistGradientBoostingRegressor(max_iter=10, max_leaf_nodes=15),
        HOLED,
        NUMBER,
        HOLED,
        "regression",
    ),
    ("lgbm", lightgbm.LGBMClassifier(**QUIET), HOLED, BINARY, HOLED, "binary"),
    ("lgbm-unseen-nan", lightgbm.LGBMClassifier(**QUIET), FULL, BINARY, HOLED, "binary"),
    ("lgbm-3", lightgbm.LGBMClassifier(**QUIET), HOLED, MULTI, HOLED, "multiclass"),
    (
        "lgbm-ova",
        lightgbm.LGBMClassifier(objective="multiclassova", **QUIET),
        HOLED,
        MULTI,
        HOLED,
        "multiclass",
    ),
    ("lgbm-r", lightgbm.LGBMRegressor(**QUIET), HOLED, NUMBER, HOLED, "regression"),
    ("lgbm-root", lightgbm.LGBMRegressor(reg_sqrt=True, **QUIET), FULL, NUMBER, FULL, "regression"),
    (
        "lgbm-poisson",
        lightgbm.LGBMRegressor(objective="poisson", **QUIET),
        FULL,
        NUMBER - NUMBER.min(),
        FULL,
        "regression",
    ),
]


@pytest.mark.parametrize(("name", "estimator", "seen", "target", "asked", "task"), CASES)
def test_every_family_answers_as_it_was_trained(
    name: str, estimator: Any, seen: Any, target: Any, asked: Any, task: Any
) -> None:
    with threadpool_limits(1):
        estimator.fit(seen, target)
    model = export_onnx(estimator, WIDTH, task)
    measured = parity(model, estimator, asked, task)
    require_parity(measured)
    assert measured.share_off == 0.0
    assert measured.largest <= 1e-5 * measured.scale
    assert export_onnx(estimator, WIDTH, task) == model


def test_native_categories_of_lightgbm_are_kept() -> None:
    estimator = lightgbm.LGBMClassifier(**QUIET, min_data_per_group=5, cat_smooth=1)
    estimator.fit(CODES, BINARY, categorical_feature=[3])
    assert any("||" in str(tree) for tree in estimator.booster_.dump_model()["tree_info"])
    unseen = CODES.copy()
    unseen[:200, 3] = 99
    for rows in (CODES, unseen):
        measured = parity(export_onnx(estimator, WIDTH, "binary"), estimator, rows, "binary")
        assert measured.largest < 1e-6


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_model_that_only_knows_the_base_rate_is_packaged(task: Any) -> None:
    kind = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    target = {"binary": BINARY, "multiclass": MULTI, "regression": NUMBER}[task]
    estimator = kind(min_impurity_decrease=1e30).fit(HOLED, target)
    assert parity(export_onnx(estimator, WIDTH, task), estimator, HOLED, task).largest < 1e-6


def test_boosting_that_stopped_early_is_packaged_up_to_its_best_round() -> None:
    estimator = lightgbm.LGBMClassifier(**{**QUIET, "n_estimators": 300, "learning_rate": 0.5})
    estimator.fit(
        HOLED[:1500],
        BINARY[:1500],
        eval_set=[(HOLED[1500:], BINARY[1500:])],
        callbacks=[lightgbm.early_stopping(5, verbose=False)],
    )
    assert 0 < estimator.best_iteration_ < 300
    model = export_onnx(estimator, WIDTH, "binary")
    assert parity(model, estimator, HOLED, "binary").largest < 1e-6


def test_a_booster_without_its_estimator_is_packaged_too() -> None:
    data = lightgbm.Dataset(HOLED, BINARY)
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, data, num_boost_round=10)
    model = export_onnx(booster, WIDTH, "binary")
    assert parity(model, booster, HOLED, "binary").largest < 1e-6


def test_the_input_and_output_are_what_serving_expects() -> None:
    estimator = lightgbm.LGBMClassifier(**QUIET).fit(HOLED, BINARY)
    runner = session(export_onnx(estimator, WIDTH, "binary"))
    assert [(i.name, i.type, i.shape[1]) for i in runner.get_inputs()] == [
        ("input", "tensor(float)", WIDTH)
    ]
    assert [(o.name, o.type, o.shape[1]) for o in runner.get_outputs()] == [
        ("output", "tensor(float)", 2)
    ]
    assert runner.run(None, {"input": HOLED[:1]})[0].shape == (1, 2)


def test_a_model_without_probabilities_is_refused_in_a_sentence() -> None:
    estimator = LinearSVC().fit(FULL, BINARY)
    with pytest.raises(InvalidInput, match="gives no probabilities"):
        export_onnx(estimator, WIDTH, "binary")


def test_linear_leaves_are_refused_in_a_sentence() -> None:
    estimator = lightgbm.LGBMRegressor(linear_tree=True, **QUIET).fit(FULL, NUMBER)
    with pytest.raises(InvalidInput, match="linear trees"):
        export_onnx(estimator, WIDTH, "regression")


def test_a_package_of_another_model_fails_parity() -> None:
    one = lightgbm.LGBMClassifier(**QUIET).fit(HOLED, BINARY)
    other = lightgbm.LGBMClassifier(**QUIET).fit(HOLED, 1 - BINARY)
    measured = parity(export_onnx(other, WIDTH, "binary"), one, HOLED, "binary")
    with pytest.raises(InvalidInput, match="differs from the trained one"):
        require_parity(measured)


@given(st.floats(allow_nan=False), st.floats(width=32, allow_nan=False, allow_subnormal=False))
def test_a_floored_threshold_splits_float32_as_the_exact_one(threshold: float, x: float) -> None:
    assert (np.float32(x) <= floor32(threshold)) == (float(np.float32(x)) <= threshold)


FIELDS = (
    Field(name="x", kind="numeric"),
    Field(name="carrier", kind="categorical"),
    Field(name="late", kind="boolean"),
)
ENCODING = Encoding(
    columns=(
        EncodedColumn(field="x", how="number"),
        EncodedColumn(field="carrier", how="code", levels=("AA", "B6", "UA")),
        EncodedColumn(field="late", how="number"),
    )
)


def make_fitted(rows: int = 800, seed: int = 3) -> tuple[Any, pa.Table]:
    generator = np.random.default_rng(seed)
    table = pa.table(
        {
            "x": pa.array(generator.normal(size=rows), mask=generator.random(rows) < 0.1),
            "carrier": generator.choice(["AA", "B6", "UA", "ZZ"], rows),
            "late": generator.random(rows) < 0.3,
            "other": np.arange(rows),
        }
    )
    matrix = encode(table, ENCODING)
    target = (np.nan_to_num(matrix[:, 0]) + matrix[:, 1] > 1).astype(int)
    estimator = lightgbm.LGBMClassifier(**QUIET).fit(matrix, target)
    fitted = SimpleNamespace(
        estimator=estimator,
        task="binary",
        classes=("on time", "late"),
        family="lightgbm",
        fields=FIELDS,
        encoding=ENCODING,
    )
    return fitted, table


def make_package(directory: Path, model: str = "flights", **options: Any) -> Any:
    fitted, table = make_fitted()
    return build_package(
        directory,
        fitted,
        model=model,
        reference=table,
        environment="numpy==2\n",
        created_ms=1_700_000_000_000,
        **options,
    )


def test_a_package_scores_tables_as_the_trained_model(tmp_path: Path) -> None:
    manifest = make_package(tmp_path)
    fitted, table = make_fitted()
    scorer = Scorer.open(tmp_path)
    assert scorer.manifest == manifest
    expected = fitted.estimator.predict_proba(encode(table, ENCODING))[:, 1]
    np.testing.assert_allclose(scorer.predict(table), expected, atol=1e-6)
    assert scorer.predict(table.slice(0, 0)).shape == (0,)
    reference = pa.ipc.open_file(tmp_path / "reference.arrow").read_all()
    assert reference.column_names == ["x", "carrier", "late", "score"]
    np.testing.assert_allclose(reference["score"].to_numpy(), expected, atol=1e-6)


def test_the_same_model_gives_the_same_package(tmp_path: Path) -> None:
    make_package(tmp_path / "a")
    make_package(tmp_path / "b")
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_the_reference_is_an_even_sample(tmp_path: Path) -> None:
    fitted, _ = make_fitted()
    _, table = make_fitted(rows=12_000)
    build_package(tmp_path, fitted, model="m", reference=table, environment="")
    assert pa.ipc.open_file(tmp_path / "reference.arrow").read_all().num_rows == 5000


@pytest.mark.parametrize("name", ["model.onnx", "reference.arrow", "environment.txt"])
def test_a_changed_or_missing_file_is_never_loaded(tmp_path: Path, name: str) -> None:
    make_package(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content + b"x")
    with pytest.raises(Corrupt, match=name):
        Scorer.open(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(Corrupt, match=name):
        Scorer.open(tmp_path)


def test_a_manifest_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    manifest = make_package(tmp_path)
    for name in ("../secret", "/etc/passwd", "a/../b", "a//b", "a/", "a/.b", ".hidden", "a\\b"):
        hostile = manifest.model_copy(update={"digests": {**manifest.digests, name: "0" * 64}})
        (tmp_path / "manifest.json").write_text(hostile.model_dump_json())
        with pytest.raises(Corrupt, match="no plain file"):
            Scorer.open(tmp_path)


def test_a_folder_without_a_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no manifest\.json"):
        Scorer.open(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(Corrupt, match="not a manifest"):
        Scorer.open(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    make_package(tmp_path)
    _, table = make_fitted()
    with pytest.raises(InvalidInput, match="'carrier'"):
        Scorer.open(tmp_path).predict(table.drop_columns(["carrier"]))
    fitted, _ = make_fitted()
    with pytest.raises(InvalidInput, match="'late'"):
        build_package(
            tmp_path, fitted, model="m", reference=table.drop_columns(["late"]), environment=""
        )


def test_a_matrix_of_another_width_is_refused(tmp_path: Path) -> None:
    make_package(tmp_path)
    with pytest.raises(InvalidInput, match="3 encoded columns"):
        Scorer.open(tmp_path).score_matrix(np.zeros((2, 5), dtype=np.float32))
