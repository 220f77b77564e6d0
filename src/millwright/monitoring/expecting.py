"""What performance is to be expected of a window before its labels arrive.

The version's evaluation on held-out rows says how often each score came true; the scores of a
window, calibrated by that, say how often its predictions should. It is believed only where the
window's inputs are enough like the training sample's: see ``estimation``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from millwright.kernel.effect_sizes import total_variation
from millwright.monitoring.drift.records import ColumnDrift
from millwright.monitoring.estimation.expected import expected_metrics
from millwright.monitoring.estimation.familiarity import why_not
from millwright.monitoring.performance import WatchedModel, version_scores
from millwright.monitoring.records import Expectation


def expectation_of(
    rows: pa.Table, model: WatchedModel, features: Sequence[ColumnDrift]
) -> Expectation | None:
    """The metrics to expect of a window.

    Args:
        rows: the window's part of the prediction log.
        model: the version that answered.
        features: how its inputs have moved.

    Returns:
        None where nothing is known to calibrate by: no binary classifier, or a version registered
        without an evaluation.
    """
    if model.task != "binary" or model.calibration is None:
        return None
    scores = version_scores(rows, model.version_id, "binary")
    scores = scores[np.isfinite(scores)]
    if not scores.size:
        return None
    chances = model.calibration(scores)
    predicted = (scores >= model.threshold).astype(np.float64)
    found = expected_metrics(chances, predicted, scores)
    return Expectation(
        rows=int(scores.size),
        metrics={name: value for name, value in found.items() if np.isfinite(value)},
        why=why_not(int(scores.size), _most_moved(model, features)),
    )


def _most_moved(model: WatchedModel, features: Sequence[ColumnDrift]) -> tuple[str, float]:
    """The feature whose shares over the reference's cells moved most, and how far, in 0..1."""
    known = {column.feature: column.counts for column in model.reference.columns}
    moved = [
        (drift.feature, total_variation(known[drift.feature], drift.counts))
        for drift in features
        if drift.counts and len(known.get(drift.feature, ())) == len(drift.counts)
    ]
    return max(moved, key=lambda each: each[1], default=("", 0.0))
