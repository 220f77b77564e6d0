"""The search: budgeted, fail-soft, repeatable, and better than guessing."""

from __future__ import annotations

import itertools
import math
import sys
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from millwright.kernel.config import TrainingConfig
from millwright.kernel.errors import InvalidInput
from millwright.training import (
    FAMILIES,
    TARGET,
    infer_task,
    search,
    split,
    target_values,
    three_way,
)
from millwright.training.families import Choice

GENEROUS = 600_000


def parts_of(table, **kwargs):
    train, valid, test = three_way(table, 0.2, time=False, seed=3, **kwargs)
    return train, valid, test, infer_task(table[TARGET])


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_family_is_tried_and_the_best_is_fitted_again_on_all_rows(made_table, task):
    table, fields = made_table(task=task)
    train, valid, test, spec = parts_of(table)
    assert spec.task == task
    seen = []
    result = search(
        train,
        valid,
        fields,
        spec,
        TrainingConfig(),
        GENEROUS,
        on_trial=lambda record, artifacts: seen.append((record, artifacts)),
        max_trials=7,
    )
    assert [record for record, _ in seen] == list(result.trials)
    assert [t.number for t in result.trials] == list(range(7))
    assert {t.family for t in result.trials[: len(FAMILIES)]} == set(FAMILIES)
    assert all(t.status == "ok" for t in result.trials), [t.error for t in result.trials]
    assert result.best.value == max(t.value for t in result.trials)
    assert result.model.family == result.best.family != "prior"
    assert result.best.value > result.trials[0].value + 0.1
    shape = (test.num_rows, 3) if task == "multiclass" else (test.num_rows,)
    prediction = result.model.predict(test)
    assert prediction.shape == shape
    if task == "multiclass":
        np.testing.assert_allclose(prediction.sum(axis=1), 1, atol=1e-6)
    for record, artifacts in seen:
        assert artifacts.valid_prediction.shape[0] == valid.num_rows
        np.testing.assert_array_equal(artifacts.model.predict(valid), artifacts.valid_prediction)
        if record.family == "lightgbm":
            assert 1 <= record.params["n_estimators"] <= len(artifacts.curve)


def test_the_same_seed_finds_the_same_trials_when_trials_are_the_limit(made_table):
    table, fields = made_table()
    train, valid, test, spec = parts_of(table)

    def run():
        result = search(train, valid, fields, spec, TrainingConfig(), GENEROUS, max_trials=9)
        return [(t.family, t.params, t.value) for t in result.trials], result.model.predict(test)

    (first, one), (second, two) = run(), run()
    assert first == second
    np.testing.assert_array_equal(one, two)


def test_the_search_ends_within_its_budget(made_table, monkeypatch):
    table, fields = made_table(rows=2_000)
    train, valid, _, spec = parts_of(table)
    # A clock that moves a tenth of a second whenever it is looked at, however fast the machine is.
    looks = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(looks) / 10)
    for module in ("search", "fitting"):
        # By name, because the function ``search`` hides the module of that name.
        monkeypatch.setattr(sys.modules[f"millwright.training.{module}"], "time", clock)
    config = TrainingConfig(families=("linear", "lightgbm"))

    result = search(train, valid, fields, spec, config, 120_000)

    assert len(result.trials) > 2
    assert 60 < result.seconds <= 120


def test_a_failing_trial_is_recorded_and_the_search_goes_on(made_table):
    table, fields = made_table()
    train, valid, _, spec = parts_of(table)
    # Infinity is beyond what a linear model takes; trees do not mind.
    spoilt = pa.array(np.where(np.arange(train.num_rows) == 5, np.inf, np.arange(train.num_rows)))
    position = train.column_names.index("noise")
    train = train.set_column(position, "noise", spoilt)
    config = TrainingConfig(families=("linear", "lightgbm"))
    result = search(train, valid, fields, spec, config, GENEROUS, max_trials=4)
    failed = [t for t in result.trials if t.status == "failed"]
    assert [t.family for t in failed] == ["linear"]
    assert failed[0].value is None
    assert "inf" in failed[0].error
    assert result.model.family == "lightgbm"
    assert len(result.trials) == 4


def test_a_search_in_which_everything_fails_says_what_failed_last(made_table):
    table, fields = made_table()
    train, valid, _, spec = parts_of(table)
    position = train.column_names.index("noise")
    endless = pa.array(np.where(np.arange(train.num_rows) == 5, np.inf, np.arange(train.num_rows)))
    train = train.set_column(position, "noise", endless)
    with pytest.raises(InvalidInput, match=r"None of the 1 trials succeeded.*infinity") as caught:
        search(train, valid, fields, spec, TrainingConfig(families=("linear",)), 1_000)
    assert caught.value.code == "training.no_model"


def test_a_last_fit_that_fails_leaves_the_model_of_the_trial(made_table):
    table, fields = made_table()
    train, valid, test, spec = parts_of(table)
    position = train.column_names.index("noise")
    # Constant in the training rows, and so left out; the validation rows bring it back in.
    endless = pa.array(np.where(np.arange(train.num_rows) == 5, np.inf, 1.0))
    train = train.set_column(position, "noise", endless)
    config = TrainingConfig(families=("linear",))
    result = search(train, valid, fields, spec, config, GENEROUS, max_trials=2)
    assert not result.refitted
    assert result.model.predict(test).shape == (test.num_rows,)


def test_stopping_keeps_the_best_so_far(made_table):
    table, fields = made_table()
    train, valid, _, spec = parts_of(table)
    trials = []
    result = search(
        train,
        valid,
        fields,
        spec,
        TrainingConfig(families=("prior", "linear", "lightgbm")),
        GENEROUS,
        on_trial=lambda record, _: trials.append(record),
        stop=lambda: len(trials) >= 2,
    )
    assert [t.family for t in result.trials] == ["prior", "linear"]
    assert result.model.family == "linear"
    with pytest.raises(InvalidInput, match="stopped before its first trial"):
        search(train, valid, fields, spec, TrainingConfig(), 1_000, stop=lambda: True)


def test_a_class_that_appears_only_later_is_known_to_the_model(made_table):
    table, fields = made_table(task="multiclass")
    spec = infer_task(table[TARGET])
    early, late = split(table, 0.3, time=True, seed=0)
    train, valid = table.take(early), table.take(late)
    labels = pa.array(["a" if v == "c" else v for v in train[TARGET].to_pylist()])
    train = train.set_column(train.column_names.index(TARGET), TARGET, labels)
    result = search(train, valid, fields, spec, TrainingConfig(), GENEROUS, max_trials=4)
    assert all(t.status == "ok" for t in result.trials), [t.error for t in result.trials]
    assert result.model.predict(valid).shape == (valid.num_rows, 3)


def test_unknown_families_and_metrics_are_named_with_the_nearest(made_table):
    table, fields = made_table()
    train, valid, _, spec = parts_of(table)
    for config, words in (
        (TrainingConfig(families=("lightbm",)), "Did you mean 'lightgbm'"),
        (TrainingConfig(metric="roc_auk"), "Did you mean 'roc_auc'"),
        (TrainingConfig(metric="rmse"), "cannot be searched"),
    ):
        with pytest.raises(InvalidInput, match=words):
            search(train, valid, fields, spec, config, 1_000)


def test_a_metric_where_lower_is_better_is_minimised(made_table):
    table, fields = made_table(task="regression")
    train, valid, _, spec = parts_of(table)
    config = TrainingConfig(metric="mae", families=("prior", "linear", "lightgbm"))
    result = search(train, valid, fields, spec, config, GENEROUS, max_trials=5)
    assert result.best.metric == "mae"
    assert result.best.value == min(t.value for t in result.trials)


def test_no_prediction_depends_on_the_other_rows(made_table):
    table, fields = made_table()
    train, valid, test, spec = parts_of(table)
    model = search(train, valid, fields, spec, TrainingConfig(), GENEROUS, max_trials=4).model
    alone = [model.predict(test.slice(i, 1))[0] for i in range(20)]
    np.testing.assert_allclose(model.predict(test)[:20], alone, rtol=0, atol=1e-6)


def test_defaults_lie_within_what_may_be_tuned():
    for family in FAMILIES.values():
        for name, value in family.defaults.items():
            dimension = family.space[name]
            assert not isinstance(dimension, Choice)
            assert dimension.low <= value <= dimension.high
            if dimension.log:
                assert math.log(dimension.low) < math.log(dimension.high)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_converts_to_onnx_with_the_same_predictions(made_table, family, task):
    from millwright.kernel.encoding import encode
    from millwright.kernel.runtimes.onnx import session
    from millwright.kernel.scoring import shape_scores
    from millwright.registry import export_onnx

    table, fields = made_table(task=task)
    train, valid, test, spec = parts_of(table)
    config = TrainingConfig(families=(family,))
    model = search(train, valid, fields, spec, config, GENEROUS, max_trials=1).model
    packaged = session(export_onnx(model.estimator, len(model.encoding.columns), task))
    emptied = pa.table(
        {name: pa.nulls(5, test[name].type) for name in test.column_names}, schema=test.schema
    )
    for rows in (test, emptied):
        output = packaged.run(None, {"input": encode(rows, model.encoding)})[-1]
        expected = model.predict(rows)
        np.testing.assert_allclose(shape_scores(output, task), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "target", "text", "drop", "least"),
    [
        ("income.csv", "income >50K", True, (), 0.9),
        ("bike.csv", "cnt", False, ("instant", "dteday"), 0.8),
        ("california_housing.csv", "ocean_proximity", True, (), 0.95),
    ],
)
def test_real_data_are_learned(real_table, file, target, text, drop, least):
    table, fields = real_table(file, target, text_target=text, drop=drop)
    train, valid, test, spec = parts_of(table)
    config = TrainingConfig(families=("prior", "lightgbm", "linear"))
    result = search(train, valid, fields, spec, config, GENEROUS, max_trials=3)
    assert result.best.value > least
    truth = target_values(test[TARGET], spec)
    assert len(result.model.predict(test)) == len(truth)
