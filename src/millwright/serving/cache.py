"""Answers of one model version, kept for requests that bring the same values again.

Only what the model says is kept: each request still has its own id, its own line in the prediction
log and the form its protocol wants.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from millwright.serving.outcome import Outcome
from millwright.serving.signature import Rows

_Key = tuple[Any, ...]


class AnswerCache:
    """The latest used answers, up to a number of rows. Used from the event loop's thread only.

    Attributes:
        hits: requests that were answered from here.
        misses: requests that were not.
        rows: rows kept now.
    """

    def __init__(self, capacity: int) -> None:
        """Keep at most ``capacity`` rows; 0 keeps nothing and counts nothing."""
        self._capacity = capacity
        self._kept: OrderedDict[_Key, Outcome] = OrderedDict()
        self.hits = self.misses = self.rows = 0

    @property
    def is_open(self) -> bool:
        """Whether answers are kept at all."""
        return self._capacity > 0

    def get(self, rows: Rows) -> Outcome | None:
        """What the model said about these very values."""
        key = tuple(rows.values)
        found = self._kept.get(key)
        if found is None:
            self.misses += 1
            return None
        self._kept.move_to_end(key)
        self.hits += 1
        return found

    def put(self, rows: Rows, outcome: Outcome) -> None:
        """Keep an answer, and let go of those that were not used for longest."""
        key = tuple(rows.values)
        if rows.count > self._capacity or key in self._kept:
            return
        self._kept[key] = outcome
        self.rows += rows.count
        while self.rows > self._capacity:
            _, dropped = self._kept.popitem(last=False)
            self.rows -= len(dropped.scores)
