"""Values as JSON has them."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from typing import Any

from millwright.data.comparison.records import Cell


def cell(value: Any) -> Cell:
    """A Python value of an Arrow column as a cell.

    >>> cell(datetime(2024, 2, 29, 12)), cell(float("nan")), cell([1, 2]), cell(b"a")
    ('2024-02-29T12:00:00', 'NaN', '[1, 2]', '61')
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value).replace("nan", "NaN")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, default=str)
