"""What happened since the last week: alerts, retrainings and how they ended, told once each."""

from __future__ import annotations

from millwright.automation import Retraining
from millwright.demo.console import Console
from millwright.demo.world import World


class News:
    """Remembers what was told."""

    def __init__(self, world: World, console: Console) -> None:
        self._world = world
        self._console = console
        self._alerts: dict[str, str] = {}
        self._retrainings: dict[str, str] = {}

    def catch_up(self) -> None:
        """Take what happened before this start as told."""
        self._alerts = {alert["id"]: alert["status"] for alert in self._world.alerts()}
        self._retrainings = {found.id: found.status for found in self._world.retrainings()}

    def tell(self, week: str) -> None:
        """Tell what is new after a week (its start, RFC 3339)."""
        for alert in self._world.alerts():
            before = self._alerts.get(alert["id"])
            self._alerts[alert["id"]] = alert["status"]
            if before is None:
                self._console.warn(f"{week[:10]}  alert: {alert['title']}")
            elif before != alert["status"] == "resolved":
                kind = alert["kind"].replace("_", " ")
                self._console.good(f"{week[:10]}  resolved: {kind}")
        for found in self._world.retrainings():
            before = self._retrainings.get(found.id)
            self._retrainings[found.id] = found.status
            if before != found.status:
                self._tell_retraining(week[:10], found, fresh=before is None)

    def _tell_retraining(self, week: str, found: Retraining, *, fresh: bool) -> None:
        console = self._console
        if fresh:
            trigger = found.cause.trigger.replace("_", " ")
            console.say(f"{week}  the policy retrained on the last weeks because of {trigger}")
        challenger = f"version {found.challenger_version}"
        if found.status in ("canary", "refused") and found.comparison is not None:
            seen = found.comparison
            console.say(
                f"            {challenger} against the champion, version {found.champion_version}, "
                f"on the same {seen.rows:,} held-out flights: {seen.metric} {seen.challenger:.4f} "
                f"against {seen.champion:.4f}"
            )
        if found.status == "canary":
            console.good(f"{week}  {challenger} serves as canary next to the champion")
        elif found.status == "promoted":
            console.good(f"{week}  {challenger} promoted: {found.reason}")
        elif found.status == "rolled_back":
            console.bad(f"{week}  {challenger} rolled back: {found.reason}")
        elif found.status == "refused":
            console.bad(f"{week}  {challenger} refused: {found.reason}")
        elif found.status == "failed":
            console.bad(f"{week}  the retraining failed: {found.reason}")
