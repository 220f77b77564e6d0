"""How good a model is where the truth is not known yet, and whether that can be said at all.

Pure. ``calibration`` turns scores into chances, ``expected`` chances into metrics, ``estimating``
puts both together and refuses where a window is too unlike the rows that calibration has seen.
"""

from __future__ import annotations

from millwright.monitoring.estimation.estimating import PerformanceEstimate, PerformanceEstimator

__all__ = ["PerformanceEstimate", "PerformanceEstimator"]
