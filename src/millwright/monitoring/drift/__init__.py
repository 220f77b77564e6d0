"""How far a column, or a model's score, has moved from where it was at training.

Pure: arrays and tables in, records out. ``kernel.effect_sizes`` measures, ``kernel.cells``
counts, ``reference`` remembers the training sample, ``columns`` decides about one
window, ``weighing`` about it and those before.
"""

from __future__ import annotations

from millwright.kernel.cells import Bins
from millwright.monitoring.drift.columns import column_drift, drifted_share, table_drift
from millwright.monitoring.drift.records import ColumnDrift, ColumnReference, Reference
from millwright.monitoring.drift.reference import SCORE, column_reference, make_reference
from millwright.monitoring.drift.weighing import MOST_WINDOWS, with_evidence

__all__ = [
    "MOST_WINDOWS",
    "SCORE",
    "Bins",
    "ColumnDrift",
    "ColumnReference",
    "Reference",
    "column_drift",
    "column_reference",
    "drifted_share",
    "make_reference",
    "table_drift",
    "with_evidence",
]
