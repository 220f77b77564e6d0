"""XGBoost from its binary JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from millwright.kernel.encoding import Matrix
from millwright.kernel.model_package import Manifest
from millwright.kernel.runtimes import Raw, as_scores


class _Booster:
    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def run(self, matrix: Matrix) -> Raw:
        # Predicts on the array itself: building a DMatrix would cost more than the trees.
        return as_scores(self._booster.inplace_predict(matrix, validate_features=False))


def open_model(_manifest: Manifest, model: bytes, _folder: Path, threads: int) -> _Booster:
    """A booster of the document."""
    from xgboost import Booster

    booster = Booster()
    booster.load_model(bytearray(model))
    booster.set_param({"nthread": threads})
    return _Booster(booster)
