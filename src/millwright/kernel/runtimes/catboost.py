"""CatBoost from its own binary form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from millwright.kernel.encoding import Matrix
from millwright.kernel.model_package import Manifest
from millwright.kernel.runtimes import Raw, as_scores


class _CatBoost:
    def __init__(self, model: Any, kind: str, threads: int) -> None:
        self._model, self._kind, self._threads = model, kind, threads

    def run(self, matrix: Matrix) -> Raw:
        found = self._model.predict(matrix, prediction_type=self._kind, thread_count=self._threads)
        return as_scores(found)


def open_model(manifest: Manifest, model: bytes, _folder: Path, threads: int) -> _CatBoost:
    """A model of the bytes."""
    from catboost import CatBoost

    loaded = CatBoost()
    loaded.load_model(blob=model)
    kind = "RawFormulaVal" if manifest.task == "regression" else "Probability"
    return _CatBoost(loaded, kind, threads)
