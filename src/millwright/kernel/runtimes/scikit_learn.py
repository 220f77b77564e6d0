"""scikit-learn from skops: a document of the types and arrays of an estimator, no pickle.

Histogram gradient boosting has a way of its own: its trees are asked directly, without the checks
of the table that scikit-learn makes for every call and that cost more than all the trees.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import Corrupt
from millwright.kernel.model_package import Manifest
from millwright.kernel.runtimes import Raw, Runtime, as_scores

_HARMLESS = (
    # Checked by us: its nodes are followed without a look at where they point.
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    # Holds a function, which has to be harmless by its own name; this one looks at arrays.
    "functools.partial",
    "sklearn.utils.validation.check_array",
    # A list of names or positions, with a warning; of versions before 1.7.
    "sklearn.compose._column_transformer._RemainderColsList",
)


class _Estimator:
    """Whatever has ``predict_proba`` or ``predict``."""

    def __init__(self, estimator: Any, task: str) -> None:
        from sklearn import config_context

        self._predict = estimator.predict if task == "regression" else estimator.predict_proba
        self._context = config_context

    def run(self, matrix: Matrix) -> Raw:
        # Rows come checked; missing names of columns are ours to know.
        with self._context(assume_finite=True), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return as_scores(self._predict(matrix))


class _HistogramBoosting:
    """The raw prediction of the trees and the link that turns it into an answer."""

    def __init__(self, estimator: Any, classifies: bool) -> None:
        known, positions = estimator._bin_mapper.make_known_categories_bitsets()
        self._trees = [
            (target, tree.predict)
            for iteration in estimator._predictors
            for target, tree in enumerate(iteration)
        ]
        self._arguments = (known, positions, 1)
        self._baseline = estimator._baseline_prediction
        self._outputs = estimator.n_trees_per_iteration_
        loss = estimator._loss
        self._link = loss.predict_proba if classifies else loss.link.inverse

    def run(self, matrix: Matrix) -> Raw:
        rows = matrix.astype(np.float64)
        raw = np.zeros((len(rows), self._outputs), dtype=np.float64, order="F")
        raw += self._baseline
        for target, predict in self._trees:
            raw[:, target] += predict(rows, *self._arguments)
        return as_scores(self._link(raw if self._outputs > 1 else raw[:, 0]))


def open_model(manifest: Manifest, model: bytes, _folder: Path, _threads: int) -> Runtime:
    """The estimator in a skops document.

    Raises:
        Corrupt: it names types that are not data of scikit-learn, or trees that point outside
            themselves.
    """
    from skops.io import loads

    if foreign := foreign_types(model):
        raise Corrupt(
            "package.types",
            f"The model {manifest.model} holds types that may run code: {', '.join(foreign[:5])}.",
            hint="Register a class with load and predict, or an MLflow model, and trust it.",
        )
    estimator = loads(model, trusted=list(_HARMLESS))
    for name, value in getattr(estimator, "get_params", dict)().items():
        if name.rpartition("__")[2] == "n_jobs" and value not in (None, 1):
            estimator.set_params(**{name: 1})
    for part in _parts(estimator):
        _check_trees(part, manifest)
    if _is_plain_boosting(estimator):
        return _HistogramBoosting(estimator, manifest.task != "regression")
    return _Estimator(estimator, manifest.task)


def foreign_types(document: bytes) -> list[str]:
    """Types in a skops document that may do more than hold data."""
    from skops.io import get_untrusted_types

    return [name for name in get_untrusted_types(data=document) if name not in _HARMLESS]


def _is_plain_boosting(estimator: Any) -> bool:
    return hasattr(estimator, "_predictors") and getattr(estimator, "_preprocessor", 0) is None


def _parts(estimator: Any) -> list[Any]:
    """The estimator and every one inside it."""
    found, waiting = [], [estimator]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += [
            part
            for value in vars(one).values()
            for part in (value if isinstance(value, list | tuple) else [value])
            for part in (part if isinstance(part, tuple) else (part,))
            if hasattr(part, "get_params") and not isinstance(part, type)
        ]
    return found


def _check_trees(estimator: Any, manifest: Manifest) -> None:
    """Refuse trees whose nodes point outside: they are followed without looking."""
    for iteration in getattr(estimator, "_predictors", ()):
        for tree in iteration:
            nodes = tree.nodes
            inner = nodes[nodes["is_leaf"] == 0]
            here = np.flatnonzero(nodes["is_leaf"] == 0)
            sound = (
                len(nodes) > 0
                # Children after their parents: every way down ends.
                and (inner["left"] > here).all()
                and (inner["right"] > here).all()
                and (inner["left"] < len(nodes)).all()
                and (inner["right"] < len(nodes)).all()
                and (inner["feature_idx"] >= 0).all()
                and (inner["feature_idx"] < estimator.n_features_in_).all()
                and (inner["bitset_idx"][inner["is_categorical"] == 1] < _bitsets(tree)).all()
            )
            if not sound:
                raise Corrupt(
                    "package.trees",
                    f"The trees of {manifest.model} point outside themselves.",
                    hint="Fetch the model package again.",
                )


def _bitsets(tree: Any) -> int:
    return len(tree.raw_left_cat_bitsets)
