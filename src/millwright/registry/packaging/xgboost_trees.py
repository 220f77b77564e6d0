"""XGBoost's trees as flat arrays, read from its JSON without importing it.

Source: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from millwright.kernel.errors import InvalidInput
from millwright.registry.packaging.trees import LEAF, LEQ, Ensemble, Link, Tree

_LINKS: dict[str, Link] = {
    "binary:logistic": "logistic",
    "reg:logistic": "logistic",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
    "reg:squarederror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:quantileerror": "identity",
}


def xgboost_ensemble(document: bytes) -> Ensemble:
    """The trees in a model that XGBoost saved as JSON.

    Raises:
        InvalidInput: it has something that cannot be expressed: another booster than plain trees,
            splits on categories, an unknown objective.
    """
    learner = json.loads(document)["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise _not_expressible(f"the booster '{booster['name']}'")
    objective = learner["objective"]["name"]
    if objective not in _LINKS:
        raise _not_expressible(f"the objective '{objective}'")
    link, said = _LINKS[objective], learner["learner_model_param"]
    width = max(1, int(said["num_class"]), int(said.get("num_target", "1")))
    scores = [float(part) for part in said["base_score"].strip("[]").split(",")]
    base = [_margin(score, link) for score in (scores if len(scores) == width else scores * width)]
    model = booster["model"]
    trees = tuple(
        _tree(tree, target) for tree, target in zip(model["trees"], model["tree_info"], strict=True)
    )
    return Ensemble(trees, outputs=width, base=tuple(base), link=link)


def _margin(score: float, link: Link) -> float:
    if link == "logistic":
        return math.log(score / (1.0 - score))
    return math.log(score) if link == "exp" else score


def _tree(tree: dict[str, Any], target: int) -> Tree:
    if any(tree.get("split_type", ())):
        raise _not_expressible("splits on categories")
    if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
        raise _not_expressible("leaves with several values")
    left = np.asarray(tree["left_children"], dtype=np.int64)
    is_leaf = left == -1
    values = np.asarray(tree["split_conditions"], dtype=np.float64)
    leaves = np.flatnonzero(is_leaf)
    # Its splits are "x < t"; ours are "x <= t", so t is the number just below.
    below = np.nextafter(values.astype(np.float32), np.float32(-np.inf))
    return Tree(
        feature=np.where(is_leaf, 0, np.asarray(tree["split_indices"], dtype=np.int64)),
        threshold=np.where(is_leaf, np.float32(0), below).astype(np.float32),
        mode=np.where(is_leaf, LEAF, LEQ).astype(np.int64),
        yes=np.where(is_leaf, 0, left),
        no=np.where(is_leaf, 0, np.asarray(tree["right_children"], dtype=np.int64)),
        missing_yes=np.where(is_leaf, 0, np.asarray(tree["default_left"], dtype=np.int64)),
        leaves=leaves,
        targets=np.asarray([target], dtype=np.int64),
        weights=values[leaves][:, None],
    )


def _not_expressible(what: str) -> InvalidInput:
    return InvalidInput(
        "registry.not_expressible",
        f"The model uses {what}, which the packaged form cannot express.",
        hint="Train it without, or use another model family.",
    )
