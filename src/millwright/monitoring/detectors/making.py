"""A change detector by its name."""

from __future__ import annotations

import inspect
from typing import Any

from millwright.kernel.errors import InvalidInput
from millwright.monitoring.detectors.adaptive import AdaptiveWindow
from millwright.monitoring.detectors.cumulative import PageHinkley
from millwright.monitoring.detectors.distribution import KolmogorovWindow
from millwright.monitoring.detectors.errors import ErrorRate
from millwright.monitoring.detectors.hoeffding import HoeffdingAverage, HoeffdingWeighted
from millwright.monitoring.detectors.records import ChangeDetector

DETECTORS: dict[str, type[ChangeDetector]] = {
    "adwin": AdaptiveWindow,
    "page-hinkley": PageHinkley,
    "ddm": ErrorRate,
    "hddm-a": HoeffdingAverage,
    "hddm-w": HoeffdingWeighted,
    "kswin": KolmogorovWindow,
}


def change_detector(name: str, **options: Any) -> ChangeDetector:
    """A detector of changes in values that come one after another.

    Args:
        name: ``adwin``, ``page-hinkley``, ``ddm``, ``hddm-a``, ``hddm-w`` or ``kswin``.
        options: of that detector, such as ``delta=0.002`` of ``adwin``.

    Raises:
        InvalidInput: there is no detector of that name, it has no such option, or a value of one is
            out of range.

    Example:
        >>> import millwright as mw
        >>> watch = mw.change_detector("adwin")
        >>> [change.at for change in watch.update([0.0] * 500 + [1.0] * 500)]
        [511]
    """
    kind = DETECTORS.get(name)
    if kind is None:
        raise InvalidInput(
            "monitoring.unknown_detector",
            f"There is no change detector '{name}'.",
            hint=f"There are {', '.join(DETECTORS)}.",
            value=name,
        )
    known = list(inspect.signature(kind).parameters)
    for option in options:
        if option not in known:
            raise InvalidInput(
                "monitoring.change_option",
                f"The detector '{name}' has no option '{option}'.",
                hint=f"It has {', '.join(known)}.",
                value=option,
            )
    return kind(**options)
