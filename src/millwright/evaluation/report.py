"""The whole evaluation of a model in one call."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millwright.evaluation.curves import curves
from millwright.evaluation.explanations import (
    Predict,
    RowExplanation,
    explain_rows,
    permutation_importance,
)
from millwright.evaluation.fairness import fairness
from millwright.evaluation.gates import check_gate_names, check_gates
from millwright.evaluation.intervals import Comparison, compare, intervals
from millwright.evaluation.metrics import Metric, find_metric
from millwright.evaluation.observed import Observed, observe
from millwright.evaluation.result import Evaluation
from millwright.evaluation.robustness import robustness
from millwright.evaluation.slices import default_columns, slice_metrics, worst_slice
from millwright.kernel.config import EvaluationConfig
from millwright.kernel.model_package import Field
from millwright.training import TARGET, TaskSpec, known_rows, target_values

_BACKGROUND_ROWS = 200


def evaluate_model(
    predict: Predict,
    table: pa.Table,
    fields: tuple[Field, ...],
    spec: TaskSpec,
    config: EvaluationConfig,
    champion_prediction: npt.NDArray[np.float64] | None = None,
    *,
    metric: str = "auto",
    threshold: float = 0.5,
    seed: int = 7,
) -> Evaluation:
    """Measure a model on rows that it never saw.

    Args:
        predict: from a table with the model's fields to predictions in the shape of the task.
        table: fields, ``__target`` (rows where it is null are left out), and any other column
            that slices or groups name.
        champion_prediction: the champion's predictions for the same rows, for the comparison.
        metric: the primary metric.
        threshold: P(positive) from which a binary prediction counts as positive.

    Raises:
        InvalidInput: an unknown metric, gate, slice or group; no row with a known target; or a
            model whose predictions have the wrong shape or are not finite.
    """
    primary = find_metric(spec.task, metric)
    check_gate_names(config.gates, spec.task)
    known, champion = _known(table, champion_prediction)
    truth = target_values(known[TARGET], spec)
    observed = observe(spec.task, spec.classes, truth, predict(known), threshold)
    columns = config.slices or default_columns(known, fields)
    slices = slice_metrics(known, columns, observed, primary, seed)
    evaluation = Evaluation(
        task=spec.task,
        classes=spec.classes,
        metric=primary.name,
        higher_is_better=primary.higher_is_better,
        threshold=threshold,
        rows=len(observed),
        class_counts={c: int((observed.y == i).sum()) for i, c in enumerate(spec.classes)},
        metrics=intervals(observed, seed=seed),
        curves=curves(observed),
        slices=slices,
        worst_slice=worst_slice(slices, primary.name),
        fairness=tuple(fairness(known, group, observed) for group in config.fairness.groups),
        importance=permutation_importance(predict, known, fields, observed, primary, seed=seed),
        explanations=_telling_rows(predict, known, fields, observed, seed),
        robustness=robustness(
            predict, known, fields, observed, primary, config.robustness, seed=seed
        ),
        comparison=None
        if champion is None
        else _against(champion, observed, primary, threshold, seed),
    )
    return evaluation.model_copy(update={"gates": check_gates(config.gates, evaluation)})


def _known(
    table: pa.Table, champion: npt.NDArray[np.float64] | None
) -> tuple[pa.Table, npt.NDArray[np.float64] | None]:
    """The rows with a known target, and the champion's predictions for just these."""
    if champion is None or len(champion) != table.num_rows:
        return known_rows(table), champion
    position = pa.array(np.arange(table.num_rows))
    numbered = known_rows(table.append_column("__position", position))
    kept = numbered["__position"].to_numpy()
    return numbered.drop_columns(["__position"]), champion[kept]


def _against(
    champion: npt.NDArray[np.float64],
    observed: Observed,
    metric: Metric,
    threshold: float,
    seed: int,
) -> Comparison:
    return compare(
        observed.task,
        observed.y,
        champion,
        observed.prediction,
        metric.name,
        classes=observed.classes,
        seed=seed,
        threshold=threshold,
    )


def _telling_rows(
    predict: Predict, table: pa.Table, fields: tuple[Field, ...], observed: Observed, seed: int
) -> tuple[RowExplanation, ...]:
    """Explanations of the highest, the lowest, a middling and the most wrong prediction."""
    if observed.task == "multiclass":
        score = observed.prediction.max(axis=1)
        wrong = 1 - observed.prediction[np.arange(len(observed)), observed.y]
    else:
        score = observed.prediction
        wrong = np.abs(observed.prediction - observed.y)
    middle = np.argsort(score, kind="stable")[len(score) // 2]
    chosen = [int(score.argmax()), int(middle), int(score.argmin()), int(wrong.argmax())]
    rows = list(dict.fromkeys(chosen))
    generator = np.random.default_rng(seed)
    count = min(_BACKGROUND_ROWS, table.num_rows)
    background = table.take(np.sort(generator.choice(table.num_rows, count, replace=False)))
    return explain_rows(predict, table, rows, background, fields, observed.classes, seed=seed)
