"""What a search maximises: a metric of the validation rows, turned so that higher is better.

The evaluation room computes these metrics again, with intervals, on rows the search never saw; a
test there holds both to the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import Task
from millwright.training.model import Prediction
from millwright.training.task import Target

_Score = Callable[[Target, Prediction], float]


@dataclass(frozen=True)
class Objective:
    """A metric by name; ``sign`` is -1 where lower is better."""

    name: str
    sign: float
    compute: _Score

    def value(self, target: Target, prediction: Prediction) -> float:
        """The metric in its own units."""
        return float(self.compute(target, prediction))


def objective(task: Task, name: str = "auto") -> Objective:
    """The objective of that name for a task; ``auto`` is the task's default.

    Raises:
        InvalidInput: the task has no such metric.
    """
    known = _OBJECTIVES[task]
    if name == "auto":
        return next(iter(known.values()))
    if name not in known:
        guess = nearest(name, known)
        raise InvalidInput(
            "training.unknown_metric",
            f"A {task} model cannot be searched by the metric '{name}'.",
            hint=f"Did you mean '{guess}'?" if guess else f"Use one of: {', '.join(known)}.",
            value=name,
        )
    return known[name]


def _roc_auc(target: Target, prediction: Prediction) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(target, prediction)) if len(np.unique(target)) > 1 else 0.5


def _average_precision(target: Target, prediction: Prediction) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(target, prediction)) if target.any() else 0.0


def _log_loss(target: Target, prediction: Prediction) -> float:
    columns = np.column_stack([1 - prediction, prediction]) if prediction.ndim == 1 else prediction
    chosen = columns[np.arange(len(target)), target]
    return float(-np.log(np.clip(chosen, 1e-15, 1)).mean())


def _brier(target: Target, prediction: Prediction) -> float:
    return float(np.mean((prediction - target) ** 2))


def _labels(prediction: Prediction) -> npt.NDArray[np.int64]:
    if prediction.ndim == 1:
        return (prediction >= 0.5).astype(np.int64)
    return np.asarray(prediction.argmax(axis=1), dtype=np.int64)


def _accuracy(target: Target, prediction: Prediction) -> float:
    return float(np.mean(_labels(prediction) == target))


def _f1(target: Target, prediction: Prediction) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(target, _labels(prediction), zero_division=0))


def _macro_f1(target: Target, prediction: Prediction) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(target, _labels(prediction), average="macro", zero_division=0))


def _roc_auc_ovr(target: Target, prediction: Prediction) -> float:
    # Weighted by class size: a class with three rows must not decide which model is best.
    shares = [float(np.mean(target == k)) for k in range(prediction.shape[1])]
    present = [k for k, share in enumerate(shares) if 0 < share < 1]
    if not present:
        return 0.5
    scores = [_roc_auc((target == k).astype(np.int64), prediction[:, k]) for k in present]
    return float(np.average(scores, weights=[shares[k] for k in present]))


def _r2(target: Target, prediction: Prediction) -> float:
    spread = float(np.sum((target - target.mean()) ** 2))
    return 1 - float(np.sum((target - prediction) ** 2)) / spread if spread > 0 else 0.0


def _rmse(target: Target, prediction: Prediction) -> float:
    return float(np.sqrt(np.mean((target - prediction) ** 2)))


def _mae(target: Target, prediction: Prediction) -> float:
    return float(np.mean(np.abs(target - prediction)))


def _table(*entries: tuple[str, float, _Score]) -> dict[str, Objective]:
    return {name: Objective(name, sign, compute) for name, sign, compute in entries}


_OBJECTIVES: dict[Task, dict[str, Objective]] = {
    "binary": _table(
        ("roc_auc", 1, _roc_auc),
        ("average_precision", 1, _average_precision),
        ("log_loss", -1, _log_loss),
        ("brier", -1, _brier),
        ("accuracy", 1, _accuracy),
        ("f1", 1, _f1),
    ),
    "multiclass": _table(
        ("roc_auc_ovr", 1, _roc_auc_ovr),
        ("log_loss", -1, _log_loss),
        ("accuracy", 1, _accuracy),
        ("macro_f1", 1, _macro_f1),
    ),
    "regression": _table(("r2", 1, _r2), ("rmse", -1, _rmse), ("mae", -1, _mae)),
}
