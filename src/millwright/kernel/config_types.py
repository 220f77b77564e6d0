"""The kinds of value that keys of ``millwright.yaml`` take."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from millwright.kernel.clock import parse_duration


def _checked_duration(text: str) -> str:
    parse_duration(text)
    return text


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)


def size_of(text: str) -> int:
    """A size in bytes, as people write it.

    >>> size_of("10GB"), size_of("1.5 MB"), size_of("12")
    (10000000000, 1500000, 12)
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError("it is no size such as 500MB or 10GB")
    return round(float(found[1]) * _UNITS[found[2].lower()])


def _checked_size(text: str) -> str:
    size_of(text)
    return text


Size = Annotated[str, AfterValidator(_checked_size)]
"""An amount of bytes as text: ``500MB``, ``10GB``."""
Duration = Annotated[str, AfterValidator(_checked_duration)]
"""A length of time as text: ``60s``, ``7d``, ``13w``."""
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
"""A name that people give: letters, digits, ``_ . -``, at most 100 characters."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
