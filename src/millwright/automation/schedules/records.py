"""The records of schedules: what is asked, what is answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from millwright.kernel.config import Name
from millwright.kernel.config_automation import Moment, ScheduleConfig
from millwright.kernel.record import Record


class Fire(Record):
    """A moment at which a schedule fired, and what came of it."""

    time: str
    run_id: str | None = None
    status: str
    """Of its run; ``skipped`` where none was started."""
    reason: str | None = None


class Schedule(Record):
    """A schedule and what it does next."""

    id: str
    project: str
    name: Name
    declared: bool
    """It stands in ``millwright.yaml``, which is the place to change or remove it."""
    config: ScheduleConfig
    description: str
    """The clock in words."""
    paused: bool
    upcoming: tuple[str, ...]
    """The next five fires; empty where it is paused or over."""
    latest: tuple[Fire, ...]
    """The last fires, newest first."""
    problem: str | None = None
    """Why the last fire started no run, until one does."""


class Backfill(Record):
    """A range of fires that were run afterwards."""

    id: str
    schedule: Name
    start: str
    end: str
    max_active: int
    runs: int
    done: int
    """Fires left out because what they would compute is there already."""
    statuses: dict[str, int]
    """How many runs are in each state."""
    created: str
    created_by: str


class FireRange(Record):
    """The fires from ``start`` (included) to ``end`` (excluded)."""

    start: Moment
    end: Moment
    code_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """The code as it is now: what another state of it has done is not done. That of the newest run
    where absent."""


class NewBackfill(FireRange):
    """Run the fires of a range."""

    max_active: Annotated[int, Field(ge=1, le=1000)] = 1
    again: bool = False
    """Run those that are done as well."""

    def as_range(self) -> FireRange:
        """The fires it is about."""
        return FireRange(start=self.start, end=self.end, code_digest=self.code_digest)


class PlannedFire(Record):
    """One fire of a backfill and the parameters it gives its pipeline."""

    time: str
    params: dict[str, JsonValue]
    done: bool
    """A run with these parameters and this code has succeeded."""


class BackfillPlan(Record):
    """What a backfill would run."""

    pipeline: str
    fires: tuple[PlannedFire, ...]
