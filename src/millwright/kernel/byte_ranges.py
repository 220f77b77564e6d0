"""Ranges of bytes in HTTP (RFC 9110, section 14)."""

from __future__ import annotations

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class ByteRange(NamedTuple):
    """Bytes from ``start`` to ``stop``, which is not in it."""

    start: int
    stop: int

    def content_range(self, size: int) -> str:
        """The ``Content-Range`` header of an answer with these bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


class Unsatisfiable(Exception):
    """The range begins behind the end."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """What a ``Range`` header asks of ``size`` bytes; None to answer with all of them.

    Several ranges, other units and what cannot be understood are answered with everything, as the
    RFC allows.

    Raises:
        Unsatisfiable: no byte is in the range.

    >>> parse_range("bytes=2-4", 10), parse_range("bytes=-3", 10), parse_range("bytes=7-99", 10)
    (ByteRange(start=2, stop=5), ByteRange(start=7, stop=10), ByteRange(start=7, stop=10))
    >>> parse_range(None, 10) is parse_range("lines=1-2", 10) is None
    True
    """
    found = _RANGE.fullmatch((header or "").strip())
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start >= stop:
        raise Unsatisfiable
    return ByteRange(start, stop)
