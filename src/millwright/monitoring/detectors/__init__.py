"""Online change detectors: values one after another in, the moments at which they changed out.

Pure, constant or logarithmic memory, one pass. ``change_detector`` makes one by its name:

============== ========================================== ==================================
name           watches                                    made for
============== ========================================== ==================================
adwin          the mean, over a window it cuts itself     numbers between 0 and 1, errors
page-hinkley   the sum of deviations from the mean        jumps of a mean, any numbers
ddm            the rate of errors, three deviations       errors (0 or 1), abrupt changes
hddm-a         the mean, Hoeffding's bound                numbers between 0 and 1
hddm-w         the mean of the latest, McDiarmid's bound  numbers between 0 and 1, gradual
kswin          the distribution, Kolmogorov–Smirnov       any numbers, scores
============== ========================================== ==================================

They are here to agree with what teams used before. Their false alarms are not bounded in number as
those of ``LossDetector`` are: each is a bound for one look, and there is a look with every value.
"""

from __future__ import annotations

from millwright.monitoring.detectors.adaptive import AdaptiveWindow
from millwright.monitoring.detectors.cumulative import PageHinkley
from millwright.monitoring.detectors.distribution import KolmogorovWindow
from millwright.monitoring.detectors.errors import ErrorRate
from millwright.monitoring.detectors.hoeffding import HoeffdingAverage, HoeffdingWeighted
from millwright.monitoring.detectors.making import DETECTORS, change_detector
from millwright.monitoring.detectors.records import Change, ChangeDetector

__all__ = [
    "DETECTORS",
    "AdaptiveWindow",
    "Change",
    "ChangeDetector",
    "ErrorRate",
    "HoeffdingAverage",
    "HoeffdingWeighted",
    "KolmogorovWindow",
    "PageHinkley",
    "change_detector",
]
