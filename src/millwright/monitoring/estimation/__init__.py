"""How good a model is where the truth is not known yet, and why it has become better or worse.

Pure. ``calibration`` turns scores into chances, ``expected`` chances into metrics, ``estimating``
puts both together; ``losses`` does it for regression. Both refuse, by ``familiarity``, where a window
is too unlike the labelled rows. ``explaining`` takes a change that labels have shown apart.
"""

from __future__ import annotations

from millwright.monitoring.estimation.estimating import PerformanceEstimate, PerformanceEstimator
from millwright.monitoring.estimation.explaining import (
    PerformanceChange,
    RowLoss,
    performance_change,
)
from millwright.monitoring.estimation.losses import Loss, LossEstimate, LossEstimator

__all__ = [
    "Loss",
    "LossEstimate",
    "LossEstimator",
    "PerformanceChange",
    "PerformanceEstimate",
    "PerformanceEstimator",
    "RowLoss",
    "performance_change",
]
