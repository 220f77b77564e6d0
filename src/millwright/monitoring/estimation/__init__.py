"""How good a model is where the truth is not known yet, and whether that can be said at all.

Pure. ``calibration`` turns scores into chances, ``expected`` chances into metrics, ``estimating``
puts both together; ``losses`` does it for regression. Both refuse, by ``familiarity``, where a window
is too unlike the labelled rows.
"""

from __future__ import annotations

from millwright.monitoring.estimation.estimating import PerformanceEstimate, PerformanceEstimator
from millwright.monitoring.estimation.losses import Loss, LossEstimate, LossEstimator

__all__ = ["Loss", "LossEstimate", "LossEstimator", "PerformanceEstimate", "PerformanceEstimator"]
