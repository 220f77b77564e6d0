"""Cron on a wall clock that jumps: moments of a time zone in which an expression comes to pass.

The expression is evaluated on plain wall time (by ``cronsim``, which then knows no zone), and wall
time becomes moments here: the jumps of half an hour or a whole day that exist need more care than
libraries for cron take.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

_PIECE = timedelta(days=32)
_PROBE_SECONDS = 6 * 3600
"""No zone has changed its clock twice within this time."""
_WIDEST_JUMP = timedelta(days=2)


def fixed(expression: str, zone: ZoneInfo, moment_ms: int) -> Iterator[int]:
    """Fires later than a moment, of a job at fixed wall times, in milliseconds.

    A time that is skipped becomes the end of the gap, a time that comes twice is the first one;
    several times of one gap are one fire.
    """
    latest = moment_ms
    for wall in _after(expression, _wall(moment_ms // 1000, zone) - _WIDEST_JUMP):
        fire = _moment(wall, zone) * 1000
        if fire > latest:
            latest = fire
            yield fire


def elapsing(expression: str, zone: ZoneInfo, moment_ms: int) -> Iterator[int]:
    """Fires later than a moment, of a job that follows elapsed time, in milliseconds.

    Between two jumps of the clock wall time is time less an offset; each such stretch is walked
    with its own.
    """
    begin = moment_ms // 1000
    while True:
        offset, end = _stretch(begin, zone)
        here, until = _plain(begin + offset), _plain(end + offset)
        for wall in _after(expression, here):
            if wall >= until:
                break
            yield (_seconds(wall) - offset) * 1000
        else:
            return
        begin = end - 1


def _after(expression: str, wall: datetime) -> Iterator[datetime]:
    return CronSim(expression, wall)


def _stretch(begin: int, zone: ZoneInfo) -> tuple[int, int]:
    """The offset in the second after ``begin``, and until when, at the longest a month, it holds."""
    offset = _offset(begin + 1, zone)
    limit = begin + round(_PIECE.total_seconds())
    low = begin + 1
    while low < limit:
        high = low + _PROBE_SECONDS
        if _offset(high, zone) != offset:
            return offset, _jump(low, high, zone)
        low = high
    return offset, low


def _jump(low: int, high: int, zone: ZoneInfo) -> int:
    """The first second with the offset of ``high``, which is another than that of ``low``."""
    offset = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high


def _moment(wall: datetime, zone: ZoneInfo) -> int:
    first = round(wall.replace(tzinfo=zone, fold=0).timestamp())
    if _wall(first, zone) == wall:
        return first
    # It is skipped. Read with the offset after the gap it lies before it, and the other way round.
    return _jump(round(wall.replace(tzinfo=zone, fold=1).timestamp()), first, zone)


def _wall(seconds: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(seconds, zone).replace(tzinfo=None, fold=0)


def _offset(seconds: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(seconds, zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def _plain(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _seconds(wall: datetime) -> int:
    return round(wall.replace(tzinfo=UTC).timestamp())
