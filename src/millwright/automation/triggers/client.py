"""Triggers through the door."""

from __future__ import annotations

from millwright.automation.triggers.records import FireByHand, Firing, Trigger, TriggerSecret
from millwright.kernel.config_automation import TriggerConfig
from millwright.kernel.door import Door


class TriggerClient:
    """Typed calls of the trigger routes of one project; errors as the routes raise them."""

    def __init__(self, door: Door, project: str) -> None:
        self._door = door
        self._place = f"/projects/{project}/triggers"

    def list(self) -> list[Trigger]:
        """All triggers, by name."""
        return [Trigger.model_validate(item) for item in self._door.get(self._place)]

    def get(self, name: str) -> Trigger:
        """One trigger."""
        return Trigger.model_validate(self._door.get(f"{self._place}/{name}"))

    def put(self, name: str, config: TriggerConfig) -> Trigger:
        """Add a trigger or change it."""
        return Trigger.model_validate(self._door.put(f"{self._place}/{name}", config))

    def remove(self, name: str) -> None:
        """Remove a trigger; its runs stay."""
        self._door.delete(f"{self._place}/{name}")

    def pause(self, name: str) -> Trigger:
        """Stop firing."""
        return Trigger.model_validate(self._door.post(f"{self._place}/{name}/pause"))

    def resume(self, name: str) -> Trigger:
        """Fire again, from now on."""
        return Trigger.model_validate(self._door.post(f"{self._place}/{name}/resume"))

    def secret(self, name: str) -> TriggerSecret:
        """A new secret for senders."""
        return TriggerSecret.model_validate(self._door.post(f"{self._place}/{name}/secret"))

    def fire(self, name: str, request: FireByHand) -> Firing:
        """Fire by hand."""
        return Firing.model_validate(self._door.post(f"{self._place}/{name}/fire", request))
