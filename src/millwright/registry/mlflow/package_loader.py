"""Loads a Millwright package for ``mlflow.pyfunc``; sent along with it, so a graph needs nothing of ours.

The package is data: an ONNX graph, and a manifest that says how rows become its matrix. A model in
another form is run by Millwright, which its requirements name. Labels come
back for classifiers, numbers for regressions. The bytes of the graph are checked against the
manifest's digest where ``blake3`` is installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class Package:
    """What ``mlflow.pyfunc.load_model`` wraps."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest and the graph from ``folder``."""
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
        runtime = self.manifest.get("runtime", "onnx")
        self._run = _graph(folder, self.manifest) if runtime == "onnx" else _native(folder)

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Labels of classifiers, values of regressions, one per row.

        ``params={"output": "scores"}`` gives probabilities in the order of the classes instead.
        """
        scores = self.scores(model_input)
        task, classes = self.manifest["task"], self.manifest["classes"]
        if task == "regression" or (params or {}).get("output") == "scores":
            return scores
        if task == "binary":
            best = (scores >= self.manifest["threshold"]).astype(int)
        else:
            best = scores.argmax(axis=1)
        return np.asarray(classes, dtype=object)[best]

    def scores(self, model_input: Any) -> Any:
        """P(positive) for binary, probabilities for multiclass, values for regression."""
        matrix = self.matrix(model_input)
        if len(matrix) == 0:
            raw = np.empty((0, max(1, len(self.manifest["classes"]))))
        else:
            raw = np.asarray(self._run(matrix), dtype=np.float64)
        return raw if self.manifest["task"] == "multiclass" or raw.ndim == 1 else raw[:, -1]

    def matrix(self, model_input: Any) -> Any:
        """The float32 matrix of a table that has every column of the signature."""
        columns = self.manifest["encoding"]["columns"]
        matrix = np.empty((len(model_input), len(columns)), dtype=np.float32)
        for position, column in enumerate(columns):
            matrix[:, position] = _encoded(model_input[column["field"]], column)
        return matrix


def _graph(folder: Path, manifest: dict[str, Any]) -> Callable[[Any], Any]:
    import onnxruntime

    graph = (folder / "model.onnx").read_bytes()
    _verify(graph, manifest["digests"]["model.onnx"])
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    source, target = session.get_inputs()[0].name, session.get_outputs()[-1].name
    return lambda matrix: session.run([target], {source: matrix})[0]


def _native(folder: Path) -> Callable[[Any], Any]:
    from millwright.kernel.scoring import Scorer

    # Whoever loads a model with mlflow.pyfunc trusts what it runs: that is how MLflow works.
    return Scorer.open(folder, trust_code=True).score_matrix


def _load_pyfunc(data_path: str) -> Package:
    return Package(Path(data_path))


def _encoded(values: Any, column: dict[str, Any]) -> Any:
    how, fill, levels = column["how"], column["fill"], column["levels"]
    missing = np.asarray(values.isna())
    if how == "missing":
        return missing.astype(np.float64)
    if how == "number":
        numbers = np.array(values.astype("float64"), dtype=np.float64)
        if fill is not None:
            numbers[missing] = fill
        return (numbers - column["shift"]) / column["scale"]
    texts = [None if gone else str(value) for value, gone in zip(values, missing, strict=True)]
    if how == "indicator":
        return np.asarray([float(text == levels[0]) for text in texts])
    codes = {level: float(place) for place, level in enumerate(levels)}
    nothing = np.nan if fill is None else fill
    return np.asarray([nothing if text is None else codes.get(text, -1.0) for text in texts])


def _verify(graph: bytes, expected: str) -> None:
    try:
        from blake3 import blake3
    except ImportError:
        return
    if blake3(graph).hexdigest() != expected:
        raise ValueError("model.onnx is not what was registered. Fetch the model again.")
