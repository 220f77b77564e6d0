"""When a schedule fires: cron in the wall time of a zone, or an interval; free of any clock.

Cron reads as Debian's does, also where the wall clock jumps:

- a job at fixed times (neither minute nor hour begins with ``*``) whose time is skipped in spring
  fires once, at the first moment after the gap; one whose time comes twice in autumn fires the
  first time only;
- a job with a ``*`` in minute or hour follows elapsed time: it has nothing to do in an hour that
  does not exist, and fires in both of two equal ones.

Intervals count elapsed time and know no wall clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from zoneinfo import ZoneInfo

from millwright.automation.schedules import wall_clock
from millwright.kernel.clock import parse_duration, parse_rfc3339
from millwright.kernel.config_automation import CRON_NAMES, ScheduleConfig
from millwright.kernel.record import Record

DAY_MS = 86_400_000
_LONGEST_LOOK_BACK_MS = 9 * 366 * DAY_MS
"""29 February comes every eight years around 2100."""


class Timing(Record):
    """The moments, in milliseconds since the epoch, at which something fires.

    >>> daily = Timing(cron="30 2 * * *", timezone="Europe/Berlin")
    >>> from millwright.kernel.clock import rfc3339
    >>> saturday = parse_rfc3339("2024-03-30T12:00:00Z")
    >>> [rfc3339(fire)[:16] for fire in islice(daily.after(saturday), 2)]  # 2:30 does not exist
    ['2024-03-31T01:00', '2024-04-01T00:30']
    """

    cron: str | None = None
    every_ms: int = 0
    timezone: str = "UTC"
    start_ms: int = 0
    end_ms: int | None = None

    def after(self, moment_ms: int) -> Iterator[int]:
        """All fires later than a moment, in order."""
        found = self._cron_after if self.cron is not None else self._intervals_after
        for fire in found(max(moment_ms, self.start_ms - 1)):
            if self.end_ms is not None and fire >= self.end_ms:
                return
            yield fire

    def next_after(self, moment_ms: int) -> int | None:
        """The first fire later than a moment; None where there is none any more."""
        return next(self.after(moment_ms), None)

    def between(self, after_ms: int, until_ms: int, limit: int) -> list[int]:
        """The first ``limit`` fires later than ``after_ms`` and not later than ``until_ms``."""
        found = []
        for fire in islice(self.after(after_ms), limit):
            if fire > until_ms:
                break
            found.append(fire)
        return found

    def before(self, fire_ms: int) -> int:
        """The fire before one: together they bound the interval that a run is about."""
        if self.cron is None:
            return fire_ms - self.every_ms
        unbounded = self.model_copy(update={"start_ms": 0, "end_ms": None})
        reach = DAY_MS // 24
        while reach <= _LONGEST_LOOK_BACK_MS:
            latest = None
            for fire in unbounded.after(fire_ms - reach):
                if fire >= fire_ms:
                    break
                latest = fire
            if latest is not None:
                return latest
            reach *= 12
        return self.start_ms

    def _intervals_after(self, moment_ms: int) -> Iterator[int]:
        fire = self.start_ms + ((moment_ms - self.start_ms) // self.every_ms + 1) * self.every_ms
        while True:
            yield fire
            fire += self.every_ms

    def _cron_after(self, moment_ms: int) -> Iterator[int]:
        expression = CRON_NAMES.get(self.cron or "", self.cron or "")
        minutes, hours, *_ = expression.split()
        zone = ZoneInfo(self.timezone)
        if minutes.startswith("*") or hours.startswith("*"):
            return wall_clock.elapsing(expression, zone, moment_ms)
        return wall_clock.fixed(expression, zone, moment_ms)


def timing_of(config: ScheduleConfig) -> Timing:
    """The moments that a schedule's keys describe."""
    return Timing(
        cron=config.cron,
        every_ms=0 if config.every is None else parse_duration(config.every),
        timezone=config.timezone,
        start_ms=0 if config.start is None else parse_rfc3339(config.start),
        end_ms=None if config.end is None else parse_rfc3339(config.end),
    )
