"""Schedules through the door."""

from __future__ import annotations

from typing import Any

from millwright.automation.schedules.records import (
    Backfill,
    BackfillPlan,
    FireRange,
    NewBackfill,
    Schedule,
)
from millwright.kernel.config_automation import ScheduleConfig
from millwright.kernel.door import Door


class ScheduleClient:
    """Typed calls of the schedule routes of one project; errors as the routes raise them."""

    def __init__(self, door: Door, project: str) -> None:
        self.door = door
        self._place = f"/projects/{project}/schedules"
        self.project = project

    def list(self) -> list[Schedule]:
        """All schedules, by name."""
        return [Schedule.model_validate(item) for item in self.door.get(self._place)]

    def get(self, name: str) -> Schedule:
        """One schedule."""
        return Schedule.model_validate(self.door.get(f"{self._place}/{name}"))

    def put(self, name: str, config: ScheduleConfig) -> Schedule:
        """Add a schedule or change it."""
        return Schedule.model_validate(self.door.put(f"{self._place}/{name}", config))

    def remove(self, name: str) -> None:
        """Remove a schedule; its runs stay."""
        self.door.delete(f"{self._place}/{name}")

    def pause(self, name: str) -> Schedule:
        """Stop firing."""
        return Schedule.model_validate(self.door.post(f"{self._place}/{name}/pause"))

    def resume(self, name: str) -> Schedule:
        """Fire again, from now on."""
        return Schedule.model_validate(self.door.post(f"{self._place}/{name}/resume"))

    def run(self, name: str) -> str:
        """Start a run now; its id."""
        return str(self.door.post(f"{self._place}/{name}/run")["run_id"])

    def next(self, name: str, *, after: str | None, count: int) -> tuple[str, ...]:
        """The fires after a moment."""
        filters: dict[str, Any] = {"count": count}
        if after is not None:
            filters["after"] = after
        return tuple(self.door.get(f"{self._place}/{name}/next", **filters))

    def plan(self, name: str, wanted: FireRange) -> BackfillPlan:
        """What a backfill would run."""
        return BackfillPlan.model_validate(
            self.door.post(f"{self._place}/{name}/backfills/plan", wanted)
        )

    def backfill(self, name: str, new: NewBackfill) -> Backfill:
        """Run the fires of a range."""
        return Backfill.model_validate(self.door.post(f"{self._place}/{name}/backfills", new))

    def backfills(self, name: str) -> tuple[Backfill, ...]:
        """The backfills of a schedule, newest first."""
        found = self.door.get(f"{self._place}/{name}/backfills")
        return tuple(Backfill.model_validate(item) for item in found)

    def cancel(self, backfill: str) -> Backfill:
        """Cancel what has not ended of a backfill."""
        place = f"/projects/{self.project}/backfills/{backfill}/cancel"
        return Backfill.model_validate(self.door.post(place))
