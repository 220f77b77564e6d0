"""Memory for whole columns, which a comparison asks for once and uses again and again."""

from __future__ import annotations

import mmap
from typing import Any, Final

import numpy as np

Numbers = np.ndarray[Any, Any]

_MUCH: Final = 1 << 22
"""Bytes from which NumPy asks for huge pages. Where memory lies in pieces the system then moves them
about until one is free: 0.7 s of 4 s for a comparison on a machine that was busy for a day."""


def fresh(length: int, kind: np.dtype[Any] | type[np.generic]) -> Numbers:
    """An array with anything in it, for values that will all be written."""
    kind = np.dtype(kind)
    size = length * kind.itemsize
    if size < _MUCH:
        return np.empty(length, kind)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, kind, length)


class Room:
    """Memory that is used again and again: asking the system for it takes longer than filling it."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)

    def of(self, length: int, kind: np.dtype[Any]) -> Numbers:
        """An array with anything in it; those given before hold other values from now on."""
        size = length * kind.itemsize
        if len(self._bytes) < size:
            self._bytes = fresh(size, np.uint8)
        return self._bytes[:size].view(kind)
