"""The records of drift: what is remembered of the training sample and what a window is told."""

from __future__ import annotations

from typing import Literal

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
    widths: tuple[float, ...] = ()
    """Of numbers: the width of each cell but the last, in standard deviations of the sample."""
    design_effect: float = 1.0
    """By how much shares of its stretches vary beyond chance; 1 for independent rows."""
    stretch: int = 1
    """Rows of a stretch."""

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


class ColumnEvidence(Record):
    """How sure it is that a column has moved, over the windows up to this one."""

    tier: Literal["page", "warn", "none"]
    effect: float
    """How far it moved, in ``unit``."""
    unit: Literal["standard deviations", "of its rows"]
    p_value: float
    windows: int
    """How many windows were taken together; the evidence is strongest so."""
    rows: int
    since_ms: int
    """Start of the first of them."""
    cell: str
    """The values whose share changed most."""
    share_then: float
    share_now: float
    promised: bool
    """Whether rows are independent enough for the error rate to be a promise."""


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
    counts: tuple[int, ...] = ()
    """Rows in each cell of the reference; counts of several windows add up."""
    evidence: ColumnEvidence | None = None
    """None in a window that still fills."""
