"""The model families a search chooses from: how each is built and what may be tuned.

Every family is a plain scikit-learn or LightGBM estimator on a float32 matrix, so each converts
to ONNX with the same predictions. Histogram gradient boosting of scikit-learn is not among them:
it is what LightGBM is, slower. Tree counts and sizes are bounded so that packages stay small and fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import Task
from millwright.training.encoding import Style
from millwright.training.model import ParamValue
from millwright.training.threads import threads

Params = Mapping[str, ParamValue]
Build = Callable[[Task, Params, int], Any]
"""From task, params and seed to an unfitted estimator."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, on a logarithmic scale if ``log``; whole if both are."""

    low: float | int
    high: float | int
    log: bool = False


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    options: tuple[ParamValue, ...]


@dataclass(frozen=True)
class Family:
    """One kind of model."""

    name: str
    style: Style
    build: Build
    defaults: Params = field(default_factory=dict)
    space: Mapping[str, Range | Choice] = field(default_factory=dict)


def families(names: tuple[str, ...] = ()) -> tuple[Family, ...]:
    """The families of those names; all of them when none is named.

    Raises:
        InvalidInput: there is no family of that name.
    """
    for name in names:
        if name not in FAMILIES:
            guess = nearest(name, FAMILIES)
            raise InvalidInput(
                "training.unknown_family",
                f"There is no model family '{name}'.",
                hint=f"Did you mean '{guess}'?" if guess else f"Use: {', '.join(FAMILIES)}.",
                value=name,
            )
    return tuple(FAMILIES[name] for name in names or FAMILIES)


def _build_prior(task: Task, params: Params, seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    # A tree that may not split predicts the base rate, and unlike a dummy it converts to ONNX.
    kind = DecisionTreeRegressor if task == "regression" else DecisionTreeClassifier
    return kind(min_impurity_decrease=1e30, random_state=seed)


def _build_linear(task: Task, params: Params, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    strength = float(params["regularisation"] or 0.0)
    if task == "regression":
        return Ridge(alpha=strength)
    return LogisticRegression(C=1.0 / strength, max_iter=200, tol=1e-3, random_state=seed)


def _build_extra_trees(task: Task, params: Params, seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    kind = ExtraTreesRegressor if task == "regression" else ExtraTreesClassifier
    return kind(n_estimators=60, n_jobs=threads(), random_state=seed, **params)


def _build_lightgbm(task: Task, params: Params, seed: int) -> Any:
    from lightgbm import LGBMClassifier, LGBMRegressor

    kind = LGBMRegressor if task == "regression" else LGBMClassifier
    settings = {"n_estimators": MAX_ROUNDS, "subsample_freq": 1, **params}
    return kind(
        n_jobs=threads(),
        random_state=seed,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
        importance_type="gain",
        **settings,
    )


MAX_ROUNDS = 400
PATIENCE = 25
"""Boosting rounds without progress on the validation rows before a fit stops."""

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(name="prior", style="forest", build=_build_prior),
        Family(
            name="lightgbm",
            style="tree",
            build=_build_lightgbm,
            defaults={
                "learning_rate": 0.06,
                "num_leaves": 31,
                "min_child_samples": 40,
                "subsample": 0.8,
                "colsample_bytree": 0.6,
            },
            space={
                "learning_rate": Range(0.03, 0.25, log=True),
                "num_leaves": Range(7, 63, log=True),
                "min_child_samples": Range(5, 200, log=True),
                "subsample": Range(0.6, 1.0),
                "colsample_bytree": Range(0.4, 1.0),
                "reg_lambda": Range(1e-3, 30.0, log=True),
            },
        ),
        Family(
            name="linear",
            style="linear",
            build=_build_linear,
            defaults={"regularisation": 1.0},
            space={"regularisation": Range(1e-3, 1e3, log=True)},
        ),
        Family(
            name="extra_trees",
            style="forest",
            build=_build_extra_trees,
            defaults={"max_leaf_nodes": 256, "min_samples_leaf": 5, "max_features": 0.5},
            space={
                "max_leaf_nodes": Range(32, 512, log=True),
                "min_samples_leaf": Range(1, 50, log=True),
                "max_features": Range(0.2, 1.0),
            },
        ),
    )
}
