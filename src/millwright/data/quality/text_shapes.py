"""Regular expressions of a simple shape, judged on all texts of a column at once.

Most expressions that people check are codes: some characters of known classes, at most one class
that repeats freely, and nothing before or after (``^u[0-9]+$``, ``^[A-Z]{3}-\\d{4}$``). Whether a text
is one is then a matter of its length and of the class of each byte, which NumPy answers for a whole
column several times faster than an automaton goes through text after text. Anything else is left to
RE2 (in DuckDB), of which these are a part: classes are those of ASCII, ``$`` is the very end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Places = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Class = tuple[tuple[int, int], ...]
"""Ranges of bytes, both ends included, apart from one another and rising."""

_MOST_FIXED: Final = 16
"""Characters at known places; for more of them an automaton is as fast."""
_MOST_REPEATED: Final = 1000
"""Of RE2: it refuses more."""
_DIGIT: Final = ((48, 57),)
_WORD: Final = ((48, 57), (65, 90), (95, 95), (97, 122))
_ATOM: Final = re.compile(
    r"""(?P<atom> \[ (?! \^ ) (?: [^\[\]\\] | \\[dw\W] )+ \] | \\[dw] | \\[^\w\s] | [\w\s!"#%&',\-/:;<=>@`~] )
        (?P<times> \{ \d{1,4} (?: , \d{0,4} )? \} | [+*?] )? (?! [+*?{] )""",
    re.VERBOSE | re.ASCII,
)
_MEMBER: Final = re.compile(r"\\?.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shape:
    """Characters at the start, a class that repeats, characters at the end."""

    start: tuple[Class, ...]
    repeated: Class
    least: int
    """Bytes of the whole text, at least …"""
    most: int | None
    """… and at most; None for no limit."""
    end: tuple[Class, ...]

    def unlike(self, texts: pa.Array) -> Places:
        """Which of the texts (``string`` or ``large_string``) are not of this shape, rising.

        Missing ones are left out.
        """
        offsets, content = _laid_out(texts)
        lengths = np.diff(offsets)
        fits = lengths >= self.least
        if self.most is not None:
            fits &= lengths <= self.most
        known = None
        if texts.null_count:
            known = texts.is_valid().to_numpy(zero_copy_only=False)
        judged = fits if known is None else fits & known
        wrong = ~judged if known is None else known & ~fits
        if len(content) and judged.any():
            outside = self._outside(content, offsets, None if judged.all() else judged)
            if outside.any():
                # Texts of no bytes begin where the next one does, so the last of them is meant.
                rows = np.searchsorted(offsets, np.flatnonzero(outside), side="right") - 1
                wrong[rows[judged[rows]]] = True
        return np.flatnonzero(wrong)

    def _outside(self, content: Bytes, offsets: Places, judged: Any) -> npt.NDArray[np.bool_]:
        """Bytes that are not of their class; those of texts that are not judged mean nothing."""
        outside = _not_in(content, self.repeated)
        starts, ends = offsets[:-1], offsets[1:]
        if judged is not None:
            starts, ends = starts[judged], ends[judged]
        for place, wanted in enumerate(self.start):
            at = starts + place
            outside[at] = _not_in(content[at], wanted)
        for place, wanted in enumerate(self.end):
            at = ends - (len(self.end) - place)
            outside[at] = _not_in(content[at], wanted)
        return outside


def shape_of(pattern: str) -> Shape | None:
    r"""The shape that a regular expression describes; None where it is no simple one.

    >>> shape_of(r"^u[0-9]+$").least, shape_of(r"^(a|b)$")
    (2, None)
    """
    if len(pattern) < 3 or not (pattern.startswith("^") and pattern.endswith("$")):
        return None
    if not pattern.isascii() or pattern.endswith("\\$"):
        return None
    parts = _parts(pattern[1:-1])
    if parts is None:
        return None
    free = [number for number, (_, least, most) in enumerate(parts) if least != most]
    if len(free) > 1:
        return None
    at = free[0] if free else len(parts)
    start = tuple(wanted for wanted, least, _ in parts[:at] for _ in range(least))
    end = tuple(wanted for wanted, least, _ in parts[at + 1 :] for _ in range(least))
    fixed = len(start) + len(end)
    if fixed > _MOST_FIXED:
        return None
    repeated, least, most = parts[at] if free else ((), 0, 0)
    return Shape(start, repeated, fixed + least, None if most is None else fixed + most, end)


def _parts(pattern: str) -> list[tuple[Class, int, int | None]] | None:
    """Each class with how often it occurs, at least and at most."""
    parts: list[tuple[Class, int, int | None]] = []
    at = 0
    while at < len(pattern):
        found = _ATOM.match(pattern, at)
        if found is None:
            return None
        wanted, times = _class(found["atom"]), _times(found["times"])
        if wanted is None or times is None:
            return None
        parts.append((wanted, *times))
        at = found.end()
    return parts


def _times(text: str | None) -> tuple[int, int | None] | None:
    if text is None:
        return 1, 1
    if text in "+*?":
        return {"+": (1, None), "*": (0, None), "?": (0, 1)}[text]
    low, comma, high = text[1:-1].partition(",")
    least = int(low)
    most = int(high) if high else None if comma else least
    if least > _MOST_REPEATED or (most is not None and (most > _MOST_REPEATED or most < least)):
        return None
    return least, most


def _class(atom: str) -> Class | None:
    if not atom.startswith("["):
        return _character(atom)
    members = _MEMBER.findall(atom[1:-1])
    ranges: list[tuple[int, int]] = []
    while members:
        member = _character(members.pop(0))
        if len(members) > 1 and members[0] == "-":
            high = _character(members[1])
            # A range begins and ends with one character.
            if len(member) > 1 or len(high) > 1 or _wide(member) or _wide(high):
                return None
            if high[0][0] < member[0][0]:
                return None
            ranges.append((member[0][0], high[0][0]))
            members = members[2:]
        else:
            ranges += member
    return _apart(ranges)


def _character(text: str) -> Class:
    if text == "\\d":
        return _DIGIT
    if text == "\\w":
        return _WORD
    code = ord(text[-1])
    return ((code, code),)


def _wide(member: Class) -> bool:
    return member[0][0] != member[0][1]


def _apart(ranges: list[tuple[int, int]]) -> Class:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return tuple(joined)


def _not_in(content: Bytes, wanted: Class) -> npt.NDArray[np.bool_]:
    if not wanted:
        return np.ones(len(content), np.bool_)
    outside: npt.NDArray[np.bool_] | None = None
    for low, high in wanted:
        # Below the range, the difference wraps around to a large number.
        beyond = (content - np.uint8(low)) > np.uint8(high - low)
        outside = beyond if outside is None else np.logical_and(outside, beyond, out=outside)
    assert outside is not None
    return outside


def _laid_out(texts: pa.Array) -> tuple[Places, Bytes]:
    """Where each text begins in the bytes of all, and those bytes."""
    wide = pa.types.is_large_string(texts.type)
    _, places, content = texts.buffers()
    kind = np.int64 if wide else np.int32
    whole = np.frombuffer(places, kind) if places is not None else np.zeros(1, kind)
    offsets = whole[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    if content is None or len(offsets) == 0 or offsets[-1] == offsets[0]:
        return np.zeros(len(texts) + 1, np.int64), np.empty(0, np.uint8)
    held = np.frombuffer(content, np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], held
