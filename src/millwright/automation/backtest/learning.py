"""The model of a replay: small boosted trees, the same for every policy, each fitted once."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from millwright.automation.backtest.log import Floats, Log
from millwright.automation.periods import recency_weights
from millwright.training import small_trees


@dataclass
class Learner:
    """Fits models on stretches of one log and remembers them: policies ask for the same ones."""

    log: Log
    _known: dict[tuple[int, int, int | None], Any] = field(default_factory=dict)

    def fit(self, first: int, last: int, half_life_ms: int | None = None) -> Any:
        """The model of the rows from ``first`` up to ``last``."""
        key = (first, last, half_life_ms)
        if key not in self._known:
            self._known[key] = self._fitted(*key)
        return self._known[key]

    def losses(self, model: Any, first: int, last: int) -> Floats:
        """0 or 1 for classes, absolute errors for values; shape ``(last - first,)``."""
        truth = self.log.truth[first:last]
        given = self._predicted(model, first, last)
        found: Floats = (
            (given != truth).astype(np.float64) if self.log.classes else np.abs(given - truth)
        )
        return found

    def scores(self, model: Any, first: int, last: int) -> Floats | None:
        """The second class's scores where there are two."""
        if self.log.classes != 2 or isinstance(model, float):
            return None
        with _quiet():
            found = model.predict_proba(self.log.inputs[first:last])
        return np.asarray(found)[:, 1]

    def _predicted(self, model: Any, first: int, last: int) -> Floats:
        if isinstance(model, float):
            return np.full(last - first, model)
        with _quiet():
            return np.asarray(model.predict(self.log.inputs[first:last]), dtype=np.float64)

    def _fitted(self, first: int, last: int, half_life_ms: int | None) -> Any:
        truth = self.log.truth[first:last]
        if self.log.classes and np.unique(truth).size == 1:
            return float(truth[0])
        weights = recency_weights(self.log.moments[first:last], half_life_ms)
        with _quiet():
            return small_trees(
                self.log.inputs[first:last],
                truth,
                weights,
                classes=bool(self.log.classes),
                categorical=self.log.categorical,
            )


def _quiet() -> warnings.catch_warnings[None]:
    return warnings.catch_warnings(action="ignore")
