"""Does the packaged model answer as the trained one did? Measured on real rows, missing included."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from millwright.kernel.encoding import Matrix
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Task
from millwright.kernel.record import Record
from millwright.kernel.runtimes import Runtime
from millwright.kernel.runtimes.onnx import open_graph
from millwright.kernel.scoring import Scores, shape_scores
from millwright.registry.packaging.native import Answers

TOLERANCE = 1e-4
"""Largest difference of a row that counts as equal: in probability, or as a share of the scale."""
MAX_SHARE_OFF = 0.001
"""Share of rows that may differ by more: float32 moves rows that lie exactly on a split."""


class Parity(Record):
    """How far the packaged model's answers are from the trained model's on the same rows.

    ``largest`` is absolute, in probability or in units of the target; ``scale`` is what it is
    judged against: 1 for probabilities, the largest prediction (at least 1) for regression.
    """

    rows: int
    largest: float
    scale: float
    share_off: float

    @property
    def ok(self) -> bool:
        """Whether few enough rows differ."""
        return self.share_off <= MAX_SHARE_OFF


def estimator_scores(
    estimator: Any, matrix: Matrix, task: Task, answers: Answers | None = None
) -> Scores:
    """The trained model's own scores, in the shapes of ``Scorer.score_matrix``.

    ``answers`` is how it is asked; by default as scikit-learn's estimators are.
    """
    with warnings.catch_warnings():
        # Trained on a table, asked with a matrix of the same columns: the missing names are fine.
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        if answers is not None:
            raw = np.asarray(answers(matrix))
        elif task != "regression" and hasattr(estimator, "predict_proba"):
            raw = np.asarray(estimator.predict_proba(matrix))
        else:
            raw = np.asarray(estimator.predict(matrix))
    return shape_scores(raw, task)


def parity(
    model: bytes, estimator: Any, matrix: Matrix, task: Task, *, tolerance: float = TOLERANCE
) -> Parity:
    """Compare an ONNX ``model`` and ``estimator`` on the rows of ``matrix`` (float32, NaN kept)."""
    trained = estimator_scores(estimator, matrix, task)
    return compared(open_graph(model), trained, matrix, task, tolerance)


def compared(
    runtime: Runtime, trained: Scores, matrix: Matrix, task: Task, tolerance: float
) -> Parity:
    """Compare what a packaged model says with what the ``trained`` one said of the same rows.

    Raises:
        InvalidInput: one says more numbers for a row than the other.
    """
    packaged = shape_scores(runtime.run(matrix), task)
    if packaged.shape != trained.shape:
        raise InvalidInput(
            "registry.parity_shape",
            f"The packaged model answers {packaged.shape}, the trained one {trained.shape}.",
            hint="Give the task the model was trained for.",
        )
    apart = np.abs(packaged - trained)
    apart = np.where(np.isnan(packaged) & np.isnan(trained), 0.0, apart)
    per_row = apart.reshape(len(matrix), -1).max(axis=1, initial=0.0)
    scale = 1.0
    if task == "regression" and len(trained):
        scale = max(1.0, float(np.nanmax(np.abs(trained))))
    # A NaN on one side only compares as off.
    off = ~(per_row <= tolerance * scale)
    largest = float(np.nanmax(per_row, initial=0.0))
    share = float(off.mean()) if len(off) else 0.0
    return Parity(rows=len(matrix), largest=largest, scale=scale, share_off=share)


def require_parity(measured: Parity) -> None:
    """Refuse a package that answers differently.

    Raises:
        InvalidInput: more rows differ than the tolerance allows; the message gives the numbers.
    """
    if not measured.ok:
        raise InvalidInput(
            "registry.parity",
            f"The packaged model differs from the trained one on {measured.share_off:.2%} of "
            f"{measured.rows} rows (largest difference {measured.largest:.3g}).",
            hint="The conversion lost something; use another model family.",
            value=measured.share_off,
        )
