"""A fitted model: from a table of fields to predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millwright.kernel.encoding import Matrix, encode
from millwright.kernel.model_package import Encoding, Field, Task

Prediction = npt.NDArray[np.float64]
"""Binary: P(positive), shape (n,). Multiclass: probabilities (n, k). Regression: values (n,)."""
ParamValue = float | int | str | bool | None


class Estimator(Protocol):
    """What scikit-learn and LightGBM estimators have in common."""

    def fit(self, matrix: Any, target: Any, *args: Any, **kwargs: Any) -> Any: ...

    def predict(self, matrix: Any) -> Any: ...


@dataclass(frozen=True)
class FittedModel:
    """An estimator with the encoding it was trained behind.

    The estimator is a plain scikit-learn or LightGBM object that takes the float32 matrix of
    ``encoding``, so that packaging can convert it to ONNX.
    """

    task: Task
    classes: tuple[str, ...]
    family: str
    params: Mapping[str, ParamValue]
    encoding: Encoding
    estimator: Any
    fields: tuple[Field, ...]

    def predict(self, table: pa.Table) -> Prediction:
        """Predictions for every row of a table that has the model's fields."""
        return predict_matrix(self.estimator, encode(table, self.encoding), self.task)


def predict_matrix(estimator: Any, matrix: Matrix, task: Task) -> Prediction:
    """The estimator's predictions in the shape of the task."""
    if task == "regression":
        return np.asarray(estimator.predict(matrix), dtype=np.float64).reshape(-1)
    probabilities = np.asarray(estimator.predict_proba(matrix), dtype=np.float64)
    return probabilities[:, 1] if task == "binary" else probabilities
