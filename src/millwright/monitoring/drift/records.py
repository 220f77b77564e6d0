"""The records of drift: what is remembered of the training sample and what a window is told."""

from __future__ import annotations

from millwright.kernel.cells import Bins
from millwright.kernel.record import Record


class ColumnReference(Record):
    """One column of the training sample: its bins, how many rows fell into each, its levels."""

    feature: str
    bins: Bins
    counts: tuple[int, ...]
    known_levels: tuple[str, ...] = ()
    """All levels seen in the sample, most frequent first, at most 10,000; for new ones."""
    ordinary: float = 0.0
    """How far stretches of the sample itself are from the whole: what is no news."""

    @property
    def rows(self) -> int:
        """Rows of the reference sample."""
        return sum(self.counts)

    @property
    def missing_share(self) -> float:
        """Share of reference rows without a value."""
        return self.counts[-1] / self.rows if self.rows else 0.0


class Reference(Record):
    """What a model's inputs and scores looked like at training: one entry per monitored field."""

    columns: tuple[ColumnReference, ...]
    score: ColumnReference | None = None


class ColumnDrift(Record):
    """How far one column of a window is from the reference.

    ``value`` is the Jensen–Shannon distance over the reference's bins with its small-sample bias
    taken off; ``noise_floor`` is what the raw distance reaches by chance once in a million columns
    of this many rows. ``drifted`` needs ``value`` at the threshold *and* the raw distance above
    the floor.
    """

    feature: str
    statistic: str
    value: float
    threshold: float
    drifted: bool
    noise_floor: float
    rows: int
    missing_share: float
    missing_change: float
    """Share of missing values now minus then."""
    new_share: float
    """Share of rows outside the reference's range, or of a level that it never had."""
