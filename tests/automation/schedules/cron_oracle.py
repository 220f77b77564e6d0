"""Cron as Debian's does it, minute by minute: too simple to be wrong, and far too slow to use."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000


def fires(expression: str, zone: str, after_ms: int, until_ms: int) -> list[int]:
    """Every fire later than ``after_ms`` and not later than ``until_ms``."""
    minutes, hours, *_ = expression.split()
    follows_time = minutes.startswith("*") or hours.startswith("*")
    found = set()
    # The wall clock before the range says what a jump at its beginning skipped.
    moment = after_ms - after_ms % MINUTE_MS - 60 * MINUTE_MS
    before = _wall(moment, zone)
    while moment < until_ms:
        moment += MINUTE_MS
        wall = _wall(moment, zone)
        plain = wall.replace(tzinfo=None, fold=0)
        if follows_time:
            if _matches(expression, plain):
                found.add(moment)
        else:
            if wall.fold == 0 and _matches(expression, plain):
                found.add(moment)
            skipped = before.replace(tzinfo=None, fold=0) + timedelta(minutes=1)
            while skipped < plain:
                if _matches(expression, skipped):
                    found.add(moment)
                skipped += timedelta(minutes=1)
        before = wall
    return sorted(fire for fire in found if after_ms < fire <= until_ms)


def _wall(moment_ms: int, zone: str) -> datetime:
    return datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(zone))


def _matches(expression: str, wall: datetime) -> bool:
    minutes, hours, days, months, weekdays = expression.split()
    if wall.minute not in _values(minutes, 0, 59) or wall.hour not in _values(hours, 0, 23):
        return False
    if wall.month not in _values(months, 1, 12):
        return False
    day = wall.day in _values(days, 1, 31)
    weekday = (wall.weekday() + 1) % 7 in {value % 7 for value in _values(weekdays, 0, 7)}
    either = not (days.startswith("*") or weekdays.startswith("*"))
    return (day or weekday) if either else (day and weekday)


def _values(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        values = range(low, high + 1) if span == "*" else range(int(first), int(last or first) + 1)
        found |= set(values[:: int(step or 1)])
    return found
