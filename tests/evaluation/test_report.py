"""The whole evaluation of a model, on made-up and on real data."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from millwright.evaluation import Evaluation, evaluate, evaluate_model
from millwright.kernel.config import EvaluationConfig, FairnessConfig, Gate, TrainingConfig
from millwright.kernel.errors import InvalidInput
from millwright.training import TARGET, infer_task, search, target_values, three_way


def evaluated(table, fields, config, champion=None, families=("prior", "lightgbm")):
    train, valid, test = three_way(table, 0.25, time=False, seed=1)
    spec = infer_task(table[TARGET])
    model = search(
        train, valid, fields, spec, TrainingConfig(families=families), 60_000, max_trials=2
    ).model
    champion = None if champion is None else champion(test, spec)
    return evaluate_model(model.predict, test, fields, spec, config, champion), model, test, spec


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_an_evaluation_holds_everything_and_survives_json(made_table, task):
    table, fields = made_table(rows=1_500, task=task)
    config = EvaluationConfig(
        slices=("city", "size"),
        fairness=FairnessConfig(groups=("member",)),
        gates=(Gate(metric="worst_slice.accuracy" if task != "regression" else "r2", min=0.2),),
    )
    found, model, test, spec = evaluated(table, fields, config)
    truth = target_values(test[TARGET], spec)
    plain = evaluate(task, spec.classes, truth, model.predict(test))
    assert {name: interval.value for name, interval in found.metrics.items()} == plain
    assert found.rows == test.num_rows
    assert {s.column for s in found.slices} == {"city", "size"}
    assert found.worst_slice is not None
    assert found.fairness[0].column == "member"
    assert {entry.field for entry in found.importance} == {field.name for field in fields}
    assert found.importance[-1].field == "noise"
    assert 1 <= len(found.explanations) <= 4
    for entry in found.explanations:
        total = sum(part.contribution for part in entry.contributions)
        assert entry.baseline + total == pytest.approx(entry.prediction)
    assert {d.kind for d in found.robustness} == {"noise", "missing"}
    assert found.comparison is None
    assert found.passed
    text = found.model_dump_json()
    assert len(text) < 500_000
    assert Evaluation.model_validate_json(text) == found


def test_a_challenger_is_compared_with_the_champion_on_the_rows_with_known_outcome(made_table):
    table, fields = made_table(rows=1_500)
    outcomes = table[TARGET].to_pylist()
    spec = infer_task(table[TARGET])
    half_known = pa.array([None if i % 2 else v for i, v in enumerate(outcomes)])
    position = table.column_names.index(TARGET)
    partly = table.set_column(position, TARGET, half_known)
    champion = np.full(len(outcomes), 0.3)

    def by_city(rows):
        return np.where(np.asarray(rows["city"].to_pylist()) == "Rome", 0.9, 0.1)

    config = EvaluationConfig(gates=(Gate(metric="improvement", min=0.01),))
    found = evaluate_model(by_city, partly, fields, spec, config, champion)
    assert found.rows == 750
    assert found.comparison.champion == 0.5
    assert found.comparison.rows == 750
    assert found.gates[0].passed


def test_without_named_slices_the_categories_are_sliced(made_table):
    table, fields = made_table(rows=900)
    found, *_ = evaluated(table, fields, EvaluationConfig())
    assert {s.column for s in found.slices} == {"city", "member"}


def test_misspelt_slices_groups_and_gates_are_met_with_a_sentence(made_table):
    table, fields = made_table()
    spec = infer_task(table[TARGET])

    def guess(rows):
        return np.full(rows.num_rows, 0.5)

    for config, words in (
        (EvaluationConfig(slices=("citty",)), "Did you mean 'city'"),
        (EvaluationConfig(fairness=FairnessConfig(groups=("membre",))), "Did you mean 'member'"),
        (EvaluationConfig(gates=(Gate(metric="roc_auk", min=0),)), "Did you mean 'roc_auc'"),
    ):
        with pytest.raises(InvalidInput, match=words):
            evaluate_model(guess, table, fields, spec, config)


def test_a_constant_model_and_outcomes_of_one_class_are_evaluated_as_far_as_they_go(made_table):
    table, fields = made_table()
    spec = infer_task(table[TARGET])
    fine = table.filter(pa.array([v == "fine" for v in table[TARGET].to_pylist()]))
    found = evaluate_model(
        lambda rows: np.full(rows.num_rows, 0.2), fine, fields, spec, EvaluationConfig()
    )
    assert "roc_auc" not in found.metrics
    assert found.metrics["accuracy"].value == 1
    assert found.worst_slice is None
    assert found.robustness == ()
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_evaluation_needs_nothing_beyond_the_base_install():
    code = (
        "import sys, millwright.evaluation, millwright.training;"
        "heavy = {'sklearn', 'scipy', 'lightgbm', 'optuna', 'onnx'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "target", "text", "drop", "group", "metric", "least"),
    [
        ("income.csv", "income >50K", True, (), "sex", "roc_auc", 0.9),
        ("bike.csv", "cnt", False, ("instant", "dteday"), "season", "r2", 0.85),
        (
            "california_housing.csv",
            "ocean_proximity",
            True,
            (),
            "housing_median_age",
            "roc_auc_ovr",
            0.97,
        ),
    ],
)
def test_real_models_are_evaluated(real_table, file, target, text, drop, group, metric, least):
    table, fields = real_table(file, target, text_target=text, drop=drop)
    config = EvaluationConfig(
        fairness=FairnessConfig(groups=(group,)), gates=(Gate(metric=metric, min=least),)
    )

    def guess(test, spec):
        shape = (test.num_rows, len(spec.classes)) if spec.task == "multiclass" else test.num_rows
        return np.full(shape, 1 / max(len(spec.classes), 1))

    found, *_ = evaluated(table, fields, config, champion=guess)
    assert found.gates[0].passed, found.gates[0].reason
    assert found.comparison.probability_better > 0.99
    assert found.fairness[0].gap > 0
    assert found.importance[0].importance > 0.02
    assert len(found.model_dump_json()) < 500_000
