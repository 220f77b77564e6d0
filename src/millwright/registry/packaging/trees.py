"""Fitted tree ensembles as flat arrays, read from scikit-learn and LightGBM without importing them.

The public converters drop the direction that scikit-learn's forests learn for missing values and
round thresholds to the nearest float32, which moves rows that lie on a split. Here both are exact:
every split is ``x <= t`` on float32 input, so ``t`` is replaced by the largest float32 not above
it, and the branch of a missing value is carried per node.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from millwright.kernel.errors import InvalidInput

Link = Literal["identity", "logistic", "softmax", "exp", "signed_square"]
Integers = npt.NDArray[np.int64]

LEAF, LEQ, EQ = 0, 1, 2
_LINKS: dict[str, Link] = {
    "binary": "logistic",
    "cross_entropy": "logistic",
    "multiclass": "softmax",
    "multiclassova": "logistic",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "lambdarank": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
}


@dataclass(frozen=True)
class Tree:
    """One tree: parallel arrays over its nodes, the root first.

    ``yes`` and ``no`` are node positions (0 at leaves); ``missing_yes`` says whether a missing
    value goes to ``yes``. ``leaves`` are node positions, ``weights`` is ``(leaves, targets)`` and
    adds to ``targets``.
    """

    feature: Integers
    threshold: npt.NDArray[np.float32]
    mode: Integers
    yes: Integers
    no: Integers
    missing_yes: Integers
    leaves: Integers
    targets: Integers
    weights: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ensemble:
    """The sum of trees plus ``base``, before the ``link`` turns it into an answer."""

    trees: tuple[Tree, ...]
    outputs: int
    base: tuple[float, ...]
    link: Link
    slope: float = 1.0
    """Factor applied to the sum before a logistic link."""


def floor32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The largest float32 not above each value: ``x <= v`` iff ``x <= floor32(v)``, x float32.

    >>> float(floor32(0.1)) <= 0.1 < float(np.nextafter(floor32(0.1), np.float32(1)))
    True
    """
    exact = np.asarray(values, dtype=np.float64)
    with np.errstate(over="ignore"):
        near = exact.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near.astype(np.float64) > exact, below, near).astype(np.float32)


def ensemble_of(estimator: Any) -> Ensemble | None:
    """The trees of a fitted estimator, or None when it is not a tree ensemble known here.

    Knows scikit-learn's decision trees, random forests, extra trees and histogram boosting, and
    LightGBM's estimators and boosters.

    Raises:
        InvalidInput: it is one, with something that cannot be expressed (linear leaves, an
            unknown objective, zero as missing).
    """
    booster = getattr(estimator, "booster_", estimator)
    if hasattr(booster, "dump_model"):
        return _of_lightgbm(booster.dump_model())
    if hasattr(estimator, "_predictors") and hasattr(estimator, "_baseline_prediction"):
        return _of_histogram_boosting(estimator)
    if hasattr(estimator, "tree_"):
        return _of_forest([estimator], getattr(estimator, "classes_", None))
    members = getattr(estimator, "estimators_", None)
    is_forest = type(estimator).__name__.startswith(("RandomForest", "ExtraTrees"))
    if is_forest and members and all(hasattr(member, "tree_") for member in members):
        return _of_forest(members, getattr(estimator, "classes_", None))
    return None


def _of_forest(members: Iterable[Any], classes: Any) -> Ensemble:
    trees = [member.tree_ for member in members]
    if classes is not None and isinstance(classes, list):
        raise _not_expressible("more than one target")
    width = 1 if classes is None or len(classes) == 2 else len(classes)
    read = tuple(_sklearn_tree(tree, classes is not None, width, len(trees)) for tree in trees)
    return Ensemble(trees=read, outputs=width, base=(0.0,) * width, link="identity")


def _sklearn_tree(tree: Any, classifies: bool, width: int, count: int) -> Tree:
    is_leaf = tree.children_left == -1
    leaves = np.flatnonzero(is_leaf)
    values = tree.value[leaves, 0, :]
    if classifies:
        values = values / values.sum(axis=1, keepdims=True)
        # Two classes need one number, the probability of the second.
        values = values[:, 1:2] if width == 1 else values
    return Tree(
        feature=np.where(is_leaf, 0, tree.feature).astype(np.int64),
        threshold=np.where(is_leaf, np.float32(0), floor32(tree.threshold)).astype(np.float32),
        mode=np.where(is_leaf, LEAF, LEQ).astype(np.int64),
        yes=np.where(is_leaf, 0, tree.children_left).astype(np.int64),
        no=np.where(is_leaf, 0, tree.children_right).astype(np.int64),
        missing_yes=np.where(is_leaf, 0, tree.missing_go_to_left).astype(np.int64),
        leaves=leaves,
        targets=np.arange(width, dtype=np.int64),
        weights=values / count,
    )


def _of_histogram_boosting(estimator: Any) -> Ensemble:
    trees = []
    for iteration in estimator._predictors:
        for target, predictor in enumerate(iteration):
            nodes = predictor.nodes
            is_leaf = nodes["is_leaf"].astype(bool)
            if nodes["is_categorical"].any():
                raise _not_expressible("scikit-learn's native categorical splits")
            leaves = np.flatnonzero(is_leaf)
            trees.append(
                Tree(
                    feature=np.where(is_leaf, 0, nodes["feature_idx"]).astype(np.int64),
                    threshold=np.where(is_leaf, np.float32(0), floor32(nodes["num_threshold"])),
                    mode=np.where(is_leaf, LEAF, LEQ).astype(np.int64),
                    yes=np.where(is_leaf, 0, nodes["left"]).astype(np.int64),
                    no=np.where(is_leaf, 0, nodes["right"]).astype(np.int64),
                    missing_yes=np.where(is_leaf, 0, nodes["missing_go_to_left"]).astype(np.int64),
                    leaves=leaves,
                    targets=np.asarray([target], dtype=np.int64),
                    weights=nodes["value"][leaves][:, None],
                )
            )
    base = tuple(float(value) for value in np.ravel(estimator._baseline_prediction))
    link: Link = "identity"
    if hasattr(estimator, "classes_"):
        link = "logistic" if len(base) == 1 else "softmax"
    elif estimator.loss in ("poisson", "gamma"):
        link = "exp"
    return Ensemble(trees=tuple(trees), outputs=len(base), base=base, link=link)


def _of_lightgbm(dump: dict[str, Any]) -> Ensemble:
    words = str(dump["objective"]).split()
    name, options = words[0], words[1:]
    if name not in _LINKS:
        raise _not_expressible(f"the LightGBM objective '{name}'")
    link: Link = "signed_square" if "sqrt" in options else _LINKS[name]
    slope = next((float(o.split(":")[1]) for o in options if o.startswith("sigmoid:")), 1.0)
    width = int(dump["num_tree_per_iteration"])
    rounds = len(dump["tree_info"]) // width
    share = 1.0 / rounds if dump.get("average_output") and rounds else 1.0
    trees = tuple(
        _lightgbm_tree(info["tree_structure"], target=position % width, share=share)
        for position, info in enumerate(dump["tree_info"])
    )
    return Ensemble(trees, outputs=width, base=(0.0,) * width, link=link, slope=slope)


def _lightgbm_tree(root: dict[str, Any], target: int, share: float) -> Tree:
    nodes = _FlatNodes()
    waiting = [(root, nodes.add())]
    while waiting:
        node, place = waiting.pop()
        if "leaf_value" in node:
            if "leaf_coeff" in node:
                raise _not_expressible("linear trees")
            nodes.leaves.append(place)
            nodes.weights.append(float(node["leaf_value"]) * share)
            continue
        left, right = nodes.add(), nodes.add()
        waiting += [(node["left_child"], left), (node["right_child"], right)]
        if node["decision_type"] == "==":
            nodes.member_of(place, node, left, right)
        else:
            nodes.at_most(place, node, left, right)
    return nodes.tree(target)


class _FlatNodes:
    """The arrays of a ``Tree`` while they grow."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, int, int, int, int]] = []
        self.leaves: list[int] = []
        self.weights: list[float] = []

    def add(self) -> int:
        self.rows.append((0, 0.0, LEAF, 0, 0, 0))
        return len(self.rows) - 1

    def at_most(self, place: int, node: dict[str, Any], left: int, right: int) -> None:
        threshold = float(node["threshold"])
        # LightGBM reads a missing value as 0 where training saw none in that feature.
        directions = {"NaN": bool(node["default_left"]), "None": threshold >= 0.0}
        if node["missing_type"] not in directions:
            raise _not_expressible("LightGBM's zero_as_missing")
        missing = int(directions[node["missing_type"]])
        self.rows[place] = (node["split_feature"], threshold, LEQ, left, right, missing)

    def member_of(self, place: int, node: dict[str, Any], left: int, right: int) -> None:
        """A split on a set of codes becomes a chain of equalities; missing goes to the right."""
        codes = [float(code) for code in str(node["threshold"]).split("||")]
        for last, code in zip([False] * (len(codes) - 1) + [True], codes, strict=True):
            otherwise = right if last else self.add()
            self.rows[place] = (node["split_feature"], code, EQ, left, otherwise, 0)
            place = otherwise

    def tree(self, target: int) -> Tree:
        feature, threshold, mode, yes, no, missing = zip(*self.rows, strict=True)
        modes = np.asarray(mode, dtype=np.int64)
        exact = np.asarray(threshold, dtype=np.float64)
        with np.errstate(over="ignore"):
            # A threshold beyond float32 is one that nothing, or everything, is above.
            rounded = exact.astype(np.float32)
        return Tree(
            feature=np.asarray(feature, dtype=np.int64),
            threshold=np.where(modes == LEQ, floor32(exact), rounded),
            mode=modes,
            yes=np.asarray(yes, dtype=np.int64),
            no=np.asarray(no, dtype=np.int64),
            missing_yes=np.asarray(missing, dtype=np.int64),
            leaves=np.asarray(self.leaves, dtype=np.int64),
            targets=np.asarray([target], dtype=np.int64),
            weights=np.asarray(self.weights, dtype=np.float64)[:, None],
        )


def _not_expressible(what: str) -> InvalidInput:
    return InvalidInput(
        "registry.not_expressible",
        f"The model uses {what}, which the packaged form cannot express.",
        hint="Train it without, or use another model family.",
    )
