"""Identifiers: UUIDv7 as 32 hexadecimal digits (RFC 9562), so that ids sort by creation time."""

from __future__ import annotations

import os
import threading
import time

_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A fresh UUIDv7; within one process each is greater than the one before.

    >>> first, second = new_id(), new_id()
    >>> len(first), first < second, first[12]
    (32, True, '7')
    """
    global _last
    with _lock:
        # 48 bits of milliseconds and 12 bits of sub-millisecond sequence, kept strictly rising.
        stamp = max((time.time_ns() * 4096) // 1_000_000, _last + 1)
        _last = stamp
    milliseconds, sequence = stamp >> 12, stamp & 0xFFF
    random_part = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (sequence << 64) | (0b10 << 62) | random_part
    return f"{value:032x}"
