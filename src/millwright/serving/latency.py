"""How long a model takes for so many rows: a line through what was seen, the latest weighing most."""

from __future__ import annotations

_KEPT = 0.99
"""Weight of an observation after one more: about the last hundred count."""
_ENOUGH = 20
_UNBOUNDED = 1 << 30


class LatencyModel:
    """Weighted least squares of seconds on rows, kept up to date in constant time.

    Attributes:
        most_rows: rows that a batch may have to stay within the objective; at least one.

    Example:
        >>> model = LatencyModel(0.010)
        >>> for rows in range(1, 60):
        ...     model.learn(rows, 0.001 + 0.0001 * rows)
        >>> model.most_rows
        90
    """

    def __init__(self, objective_seconds: float) -> None:
        self._objective = objective_seconds
        self._weight = self._x = self._y = self._xx = self._xy = 0.0
        self._seen = 0
        self.most_rows = _UNBOUNDED

    def learn(self, rows: int, seconds: float) -> None:
        """Take one batch into account."""
        self._weight = self._weight * _KEPT + 1.0
        self._x = self._x * _KEPT + rows
        self._y = self._y * _KEPT + seconds
        self._xx = self._xx * _KEPT + rows * rows
        self._xy = self._xy * _KEPT + rows * seconds
        self._seen += 1
        if self._seen % _ENOUGH == 0:
            self.most_rows = self._fitting()

    def _fitting(self) -> int:
        spread = self._weight * self._xx - self._x * self._x
        if spread > 1e-9 * self._weight * self._xx:
            slope = (self._weight * self._xy - self._x * self._y) / spread
        else:
            slope = self._y / self._x  # batches of one size only: all of it is taken for the rows'
        if slope <= 0.0:
            return _UNBOUNDED
        fixed = max(0.0, (self._y - slope * self._x) / self._weight)
        # The tolerance keeps rounding from taking away a row that fits exactly.
        return max(1, int((self._objective - fixed) / slope * (1 + 1e-9)))
