"""Which of the rows before the held-out ones a training learns from."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from millwright.automation.periods import best_start, milliseconds_of, starts, thinned
from millwright.automation.sources import TrainingPlan
from millwright.deployment import row_losses
from millwright.features import TARGET
from millwright.kernel.config import ProjectConfig
from millwright.kernel.model_package import Field
from millwright.training import as_labels, infer_task, search, split

_MEASURING_SHARE = 10
"""The part of the budget that measuring one window may take."""


def learnt_rows(
    config: ProjectConfig, develop: pa.Table, plan: TrainingPlan, fields: tuple[Field, ...]
) -> pa.Table:
    """The rows as the plan's window says, thinned by age where it asks for that.

    Args:
        config: of the project.
        develop: all rows before the held-out ones, in the order of time.
        plan: its ``windowing`` says how; ``measured`` fits one small model for each window and takes
            the one that does best on the latest of these rows. A function of your own is not called
            for that: its window is the sliding one.
        fields: inputs of the model.
    """
    if plan.window_ms is None:
        return develop
    how = plan.windowing
    if how == "measured" and config.training.function is not None:
        how = "sliding"
    begins = starts(milliseconds_of(develop), plan.window_ms, how, plan.since_ms)
    begin = begins[0] if len(begins) == 1 else _measured(config, develop, plan, fields, begins)
    rows = develop.slice(begin)
    return (
        rows
        if plan.half_life_ms is None
        else thinned(rows, plan.half_life_ms, config.training.seed)
    )


def _measured(
    config: ProjectConfig,
    develop: pa.Table,
    plan: TrainingPlan,
    fields: tuple[Field, ...],
    begins: list[int],
) -> int:
    spec = infer_task(develop[TARGET])
    moments = milliseconds_of(develop)
    last = int(np.searchsorted(moments, moments[-1] - (plan.holdout_ms or 0), side="right"))
    usable = [begin for begin in begins if 2 * begin < last] or begins[:1]
    latest = develop.slice(last)

    def loss(begin: int) -> float:
        rows = develop.slice(begin, last - begin)
        train, valid = split(rows, config.training.holdout, True, config.training.seed)
        found = search(
            rows.take(train),
            rows.take(valid),
            fields,
            spec,
            config.training,
            max(plan.budget_ms // _MEASURING_SHARE, 1),
            max_trials=1,
        )
        known = latest[TARGET]
        truth = (known if spec.task == "regression" else as_labels(known)).to_pylist()
        scores = found.model.predict(latest)
        classes = spec.classes
        return float(np.mean(row_losses(spec.task, truth, scores, classes)))

    return best_start(usable, loss)
