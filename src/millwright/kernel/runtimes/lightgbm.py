"""LightGBM from its own text form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from millwright.kernel.encoding import Matrix
from millwright.kernel.model_package import Manifest
from millwright.kernel.runtimes import Raw, as_scores


class _Booster:
    def __init__(self, booster: Any, threads: int) -> None:
        self._booster, self._threads = booster, threads

    def run(self, matrix: Matrix) -> Raw:
        found = self._booster.predict(matrix, num_threads=self._threads, validate_features=False)
        return as_scores(found)


def open_model(_manifest: Manifest, model: bytes, _folder: Path, threads: int) -> _Booster:
    """A booster of the text."""
    from lightgbm import Booster

    return _Booster(Booster(model_str=model.decode()), threads)
