"""Small boosted trees, for models that are fitted by the dozen and thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from millwright.kernel.errors import Unavailable

TREES, LEAVES, LEAF_ROWS, SEED = 80, 15, 10, 7
_Floats = npt.NDArray[np.float64]


def small_trees(
    inputs: _Floats,
    truth: _Floats,
    weights: _Floats | None,
    *,
    classes: bool,
    categorical: Sequence[int],
    trees: int = TREES,
    leaves: int = LEAVES,
    leaf_rows: int = LEAF_ROWS,
) -> Any:
    """A fitted model with ``predict``, and ``predict_proba`` for classes.

    Args:
        inputs: shape ``(n, k)``.
        truth: shape ``(n,)``.
        weights: of the rows; None where all count alike.
        classes: whether ``truth`` numbers classes.
        categorical: columns that number levels.
        trees: how many.
        leaves: of each, at most.
        leaf_rows: rows of a leaf, at least.

    Raises:
        Unavailable: LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError as cause:
        raise Unavailable(
            "training.no_lightgbm",
            "LightGBM is not installed.",
            hint="pip install 'millwright[train]'",
        ) from cause
    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    model = kind(
        n_estimators=trees,
        num_leaves=leaves,
        min_child_samples=leaf_rows,
        random_state=SEED,
        n_jobs=1,
        verbosity=-1,
    )
    return model.fit(inputs, truth, sample_weight=weights, categorical_feature=list(categorical))
