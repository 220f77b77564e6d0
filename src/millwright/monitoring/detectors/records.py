"""What a change detector is, and what it finds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from millwright.kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Change:
    """A moment at which values were found to have changed.

    Attributes:
        at: position of the value that showed it, counted from 0.
        kind: ``warning`` where the detector has such a tier and its change is not certain yet.
        before: mean of the values before, as far as the detector knows it.
        after: mean of the values since.
    """

    at: int
    kind: Literal["change", "warning"]
    before: float
    after: float


class ChangeDetector(ABC):
    """Takes values in their order. After a change it learns anew what is usual."""

    unit = False
    """Whether values must lie between 0 and 1."""

    def __init__(self) -> None:
        self.seen = 0
        self._warned = False

    def update(self, values: Iterable[float]) -> list[Change]:
        """Take values in their order; the changes among them.

        A warning is told once, and again only after the detector was calm in between.

        Raises:
            InvalidInput: a value is not finite, or outside of what this detector takes. The values
                before it count.
        """
        found = []
        for value in values:
            kind, before, after = self._judged(self._checked(value))
            if kind == "change" or (kind == "warning" and not self._warned):
                found.append(Change(self.seen, kind, before, after))
            self._warned = kind == "warning"
            self.seen += 1
        return found

    @abstractmethod
    def _judged(self, value: float) -> tuple[Literal["change", "warning", "calm"], float, float]:
        """Take one value; what it shows, and the means before and after."""

    def _checked(self, value: float) -> float:
        number = float(value)
        if not np.isfinite(number) or (self.unit and not 0.0 <= number <= 1.0):
            raise InvalidInput(
                "monitoring.change_value",
                f"Value {self.seen} is {number}; this detector takes "
                + ("numbers from 0 to 1." if self.unit else "finite numbers."),
                hint="Leave missing values out; scale others to 0…1, or use page-hinkley or kswin.",
                value=str(value),
            )
        return number


def within(name: str, value: float, low: float, high: float) -> float:
    """``value``, where it lies strictly between ``low`` and ``high``.

    Raises:
        InvalidInput: it does not.
    """
    if not low < value < high:
        raise InvalidInput(
            "monitoring.change_option",
            f"{name} is {value}; it has to lie between {low:g} and {high:g}.",
            hint="Leave the option out to have what the detector's authors recommend.",
            value=str(value),
        )
    return value
