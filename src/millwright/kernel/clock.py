"""Time: UTC, integer milliseconds inside, RFC 3339 at the edges."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from millwright.kernel.errors import InvalidInput

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*$")


def now_ms() -> int:
    """The present, in milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def rfc3339(milliseconds: int) -> str:
    """Milliseconds since the epoch as RFC 3339 text in UTC.

    >>> rfc3339(1_364_774_400_000)
    '2013-04-01T00:00:00.000Z'
    """
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def parse_rfc3339(text: str) -> int:
    """RFC 3339 text to milliseconds since the epoch; a time without zone is taken as UTC.

    Raises:
        InvalidInput: the text is not a time.

    >>> parse_rfc3339("2013-04-01T00:00:00Z")
    1364774400000
    """
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError) as cause:
        raise InvalidInput(
            "time.unreadable",
            f"{text!r} is not a time.",
            hint="Write it as RFC 3339, for example 2013-04-01T05:15:00Z.",
            value=text,
        ) from cause
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def parse_duration(text: str) -> int:
    """A duration such as ``60s``, ``7d`` or ``13w`` in milliseconds.

    Raises:
        InvalidInput: the text is not a duration.

    >>> parse_duration("7d")
    604800000
    """
    match = _DURATION.match(text)
    if match is None:
        raise InvalidInput(
            "config.duration",
            f"{text!r} is not a duration.",
            hint="Write a number and one of ms, s, m, h, d, w: for example 60s or 7d.",
            value=text,
        )
    return round(float(match[1]) * _UNITS_MS[match[2]])


def format_duration(milliseconds: float) -> str:
    """A duration for people.

    >>> format_duration(950), format_duration(4_200), format_duration(135_000)
    ('950 ms', '4.2 s', '2 min 15 s')
    """
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
