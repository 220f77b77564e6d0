"""Two tables compared column by column, by our rules or those of Evidently and NannyML.

Pure: tables in, records out. ``samples`` prepares a column once, ``measures`` measures it,
``sound``, ``evidently`` and ``nannyml`` decide, ``comparing`` goes over the table.
"""

from __future__ import annotations

from millwright.monitoring.comparison.comparing import Preset, compare_tables
from millwright.monitoring.comparison.records import (
    ColumnComparison,
    Distribution,
    TableComparison,
)

__all__ = ["ColumnComparison", "Distribution", "Preset", "TableComparison", "compare_tables"]
