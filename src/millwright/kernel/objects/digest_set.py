"""A set of digests of any size: the first million in memory, more in a file that goes with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

_MOST_IN_MEMORY = 1_000_000
_CACHE_KIB = 64 << 10


class DigestSet:
    """Digests that can be added and asked for, by one thread.

    Example:
        >>> found = DigestSet([b"a"], most_in_memory=2)
        >>> found.update([b"b", b"c", b"d"])
        >>> b"a" in found, b"d" in found, b"e" in found
        (True, True, False)
    """

    def __init__(self, ids: Iterable[bytes] = (), most_in_memory: int = _MOST_IN_MEMORY) -> None:
        self._most = most_in_memory
        self._near: set[bytes] = set()
        self._far: sqlite3.Connection | None = None
        self.update(ids)

    def update(self, ids: Iterable[bytes]) -> None:
        """Add digests."""
        near = self._near
        for one in ids:
            near.add(one)
            if len(near) > self._most:
                self._spill()

    def __contains__(self, one: object) -> bool:
        if one in self._near:
            return True
        if self._far is None:
            return False
        found = self._far.execute("SELECT 1 FROM ids WHERE id = ?", (one,))
        return found.fetchone() is not None

    def _spill(self) -> None:
        if self._far is None:
            # A database without a name is a temporary file, removed when it is closed.
            self._far = sqlite3.connect("", isolation_level=None)
            self._far.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._far.execute("PRAGMA journal_mode = OFF")
            self._far.execute("CREATE TABLE ids(id BLOB PRIMARY KEY) WITHOUT ROWID")
        self._far.execute("BEGIN")
        rows = ((one,) for one in sorted(self._near))
        self._far.executemany("INSERT OR IGNORE INTO ids VALUES(?)", rows)
        self._far.execute("COMMIT")
        self._near.clear()
