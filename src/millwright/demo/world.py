"""What the story needs of Millwright, asked through the door like any client would."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from millwright.automation import Retraining, list_retrainings
from millwright.deployment import DeploymentView, NewDeployment
from millwright.deployment import client as deployments
from millwright.kernel.door import Door
from millwright.kernel.errors import Unavailable
from millwright.monitoring import Window, send_labels
from millwright.monitoring import client as monitoring

_T = TypeVar("_T")
PROJECT: Final = "flights"
METRIC: Final = "roc_auc"
_LOOK_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 90.0
_TRAINING_SECONDS: Final = 600.0


class Slow(Unavailable):
    """Something waited for did not come in time."""


class World:
    """The running system."""

    def __init__(self, door: Door, failure: Callable[[], str | None]) -> None:
        self.door = door
        self._failure = failure

    def serve_champion(self, model: str) -> DeploymentView:
        """Ask for the champion to be served and wait until it answers."""
        deployments.deploy(self.door, PROJECT, model, NewDeployment(model=model, alias="champion"))
        return self._until(
            lambda: self._ready(model), "the inference server to answer", _PATIENCE_SECONDS
        )

    def deployment(self, name: str) -> DeploymentView:
        """The deployment as it is."""
        return deployments.get_deployment(self.door, PROJECT, name)

    def endpoint(self, name: str) -> str:
        """Where the inference server is now; after a restart it may be elsewhere."""
        address = self.deployment(name).endpoint
        if address is None:
            raise Unavailable("demo.no_endpoint", "The inference server has no address yet.")
        return address

    def tell_truth(self, name: str, labels: dict[str, str]) -> None:
        """Send ground truth."""
        if labels:
            send_labels(self.door, PROJECT, name, labels)

    def windows(self, name: str) -> dict[str, Window]:
        """The monitored windows by their start."""
        return {found.start: found for found in monitoring.windows(self.door, PROJECT, name, 200)}

    def await_window(
        self, name: str, start: str, *, rows: int, labelled: int, closed: bool, seconds: float
    ) -> Window | None:
        """Wait until a window has been evaluated with at least so many rows and labels; None when
        the time is up first."""

        def there() -> Window | None:
            found = self.windows(name).get(start)
            if found is None or found.n < rows or found.n_labelled < labelled:
                return None
            return found if found.status == "closed" or not closed else None

        try:
            return self._until(there, f"the monitor to evaluate {start[:10]}", seconds)
        except Slow:
            return None

    def alerts(self) -> list[dict[str, Any]]:
        """All alerts, oldest first."""
        found: list[dict[str, Any]] = self.door.get(f"/projects/{PROJECT}/alerts", limit=200)
        return found[::-1]

    def retrainings(self) -> list[Retraining]:
        """All retrainings, oldest first."""
        return list_retrainings(self.door, PROJECT)[::-1]

    def await_quiet(self, name: str, while_waiting: Callable[[], None]) -> None:
        """Wait until the policies have nothing more to do before time moves on."""

        def quiet() -> bool | None:
            if any(found.status == "running" for found in self.retrainings()):
                while_waiting()
                return None
            outlook = self.door.get(f"/projects/{PROJECT}/deployments/{name}/outlook")
            canary = outlook["canary"]
            undecided = canary is None or canary["verdict"] == "continue"
            return True if undecided and not outlook["retraining"]["retrain"] else None

        self._until(quiet, "the policies to act", _TRAINING_SECONDS)
        self._until(lambda: self._ready(name), "the inference server", _PATIENCE_SECONDS)

    def _ready(self, name: str) -> DeploymentView | None:
        found = self.deployment(name)
        return found if found.health == "ready" else None

    def _until(self, there: Callable[[], _T | None], what: str, seconds: float) -> _T:
        deadline = time.monotonic() + seconds
        while True:
            found = there()
            if found is not None:
                return found
            failure = self._failure()
            if failure is not None:
                raise Unavailable("demo.control_plane", failure)
            if time.monotonic() > deadline:
                raise Slow(
                    "demo.slow",
                    f"Waited {seconds:.0f} seconds for {what}.",
                    hint="See .millwright/logs, then run mw demo again: it continues here.",
                )
            time.sleep(_LOOK_SECONDS)
