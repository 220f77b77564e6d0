"""Fitting one estimator of one family on a matrix, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from millwright.kernel.encoding import Matrix
from millwright.training.families import PATIENCE, Family, Params
from millwright.training.task import Target, TaskSpec

_UNSEEN_WEIGHT = 1e-6
_AFTER_EARLY_STOPPING = 40


@dataclass(frozen=True)
class Fold:
    """Encoded rows and what is true of them."""

    matrix: Matrix
    target: Target


@dataclass(frozen=True)
class Fit:
    """A fitted estimator, the params that would fit it again, and how it came about."""

    estimator: Any
    params: Params
    seconds: float
    curve: tuple[float, ...] = ()
    """Loss on the validation rows after each boosting round; empty for other families."""


def fit(
    family: Family,
    params: Params,
    spec: TaskSpec,
    train: Fold,
    seed: int,
    *,
    valid: Fold | None = None,
    limit_s: float | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Fit:
    """Fit an estimator.

    Args:
        valid: rows on which boosting decides when to stop; without them it runs all its rounds.
        limit_s: seconds after which boosting stops where it is.
        stop: asked between boosting rounds; true ends the fit where it is.
    """
    matrix, target, weight = _with_every_class(train, spec)
    estimator = family.build(spec.task, params, seed)
    # From here, so that importing the library the first time is not held against the family.
    began = time.perf_counter()
    curve: dict[str, dict[str, list[float]]] = {}
    if family.name == "lightgbm":
        callbacks = [_time_limit(began, limit_s, stop, curve)]
        arguments: dict[str, Any] = {"sample_weight": weight}
        if valid is not None:
            arguments["eval_set"] = [(valid.matrix, valid.target)]
            callbacks = [*_early_stopping(curve), *callbacks]
        estimator.fit(matrix, target, callbacks=callbacks, **arguments)
        if valid is not None:
            rounds = int(estimator.best_iteration_ or estimator.booster_.current_iteration())
            params = {**params, "n_estimators": max(1, rounds)}
    else:
        estimator.fit(matrix, target, sample_weight=weight)
        if hasattr(estimator, "n_jobs"):
            # Threads add up a forest's trees in any order, and so to slightly different sums.
            estimator.set_params(n_jobs=1)
    losses = tuple(map(float, _losses(curve)))
    return Fit(estimator, dict(params), time.perf_counter() - began, losses)


def _early_stopping(curve: dict[str, dict[str, list[float]]]) -> list[Callable[[Any], None]]:
    from lightgbm import early_stopping, record_evaluation

    return [record_evaluation(curve), early_stopping(PATIENCE, verbose=False)]


def _time_limit(
    began: float,
    limit_s: float | None,
    stop: Callable[[], bool],
    curve: dict[str, dict[str, list[float]]],
) -> Callable[[Any], None]:
    """A callback that ends boosting at the best round so far, or the last where none is known."""
    from lightgbm.callback import EarlyStopException

    def check(env: Any) -> None:
        late = limit_s is not None and time.perf_counter() - began > limit_s
        if late or stop():
            losses = _losses(curve)
            best = int(np.argmin(losses)) if losses else env.iteration
            raise EarlyStopException(best, env.evaluation_result_list)

    # LightGBM calls callbacks by rising order: after the round has been recorded, so that the
    # curve has every round that the model can be cut to.
    check.order = _AFTER_EARLY_STOPPING  # type: ignore[attr-defined]
    return check


def _losses(curve: dict[str, dict[str, list[float]]]) -> list[float]:
    return next(iter(next(iter(curve.values())).values())) if curve else []


def _with_every_class(
    train: Fold, spec: TaskSpec
) -> tuple[Matrix, Target, npt.NDArray[np.float64] | None]:
    """The fold, with a weightless row for each class that it lacks.

    A class may first appear after the training rows end. The estimator has to know it all the
    same, or its probability columns would not be the task's classes.
    """
    if spec.task == "regression":
        return train.matrix, train.target, None
    missing = np.setdiff1d(np.arange(len(spec.classes)), train.target)
    if len(missing) == 0:
        return train.matrix, train.target, None
    matrix = np.concatenate([train.matrix, np.repeat(train.matrix[:1], len(missing), axis=0)])
    target = np.concatenate([train.target, missing])
    weight = np.ones(len(target))
    weight[len(train.target) :] = _UNSEEN_WEIGHT
    return matrix, target, weight
