"""How far a column, or a model's score, has moved from where it was at training.

Pure: arrays and tables in, records out. ``kernel.effect_sizes`` measures, ``kernel.cells``
counts, ``reference`` remembers the training sample, ``columns`` decides.
"""

from __future__ import annotations

from millwright.kernel.cells import Bins
from millwright.monitoring.drift.columns import column_drift, drifted_share, table_drift
from millwright.monitoring.drift.records import ColumnDrift, ColumnReference, Reference
from millwright.monitoring.drift.reference import SCORE, column_reference, make_reference

__all__ = [
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
]
