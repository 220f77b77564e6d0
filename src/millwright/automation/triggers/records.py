"""The records of triggers: what is asked, what is answered."""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue

from millwright.automation.starting import StartedBy
from millwright.kernel.config import Name
from millwright.kernel.config_automation import TriggerConfig
from millwright.kernel.record import Record


class Occurrence(Record):
    """Something that may start a run. The same key is the same occurrence, however often told."""

    key: str = Field(min_length=1, max_length=300)
    known: dict[str, Any]
    """What placeholders in the parameters stand for."""
    cause: dict[str, Any]
    """Why the run exists, with the id of what happened."""
    by: StartedBy


class Firing(Record):
    """An occurrence and what came of it."""

    key: str
    time: str
    run_id: str | None = None
    status: str
    """Of its run; ``held`` where none was started."""
    reason: str | None = None
    cause: dict[str, JsonValue]
    repeated: bool = False
    """It had been told before; what stands here came of the first time."""


class Trigger(Record):
    """A trigger, and what made it fire last."""

    id: str
    project: str
    name: Name
    declared: bool
    """It stands in ``millwright.yaml``, which is the place to change or remove it."""
    config: TriggerConfig
    description: str
    paused: bool
    signed: bool
    """Senders without a token of Millwright's may sign with its secret."""
    latest: tuple[Firing, ...]
    """The last occurrences, newest first."""


class TriggerSecret(Record):
    """The secret of a webhook's senders; this answer is the only place where it is shown."""

    trigger: Name
    secret: str


class FireByHand(Record):
    """Fire a trigger now. The same key again starts nothing."""

    key: str | None = Field(default=None, min_length=1, max_length=200)
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """What placeholders in the parameters stand for."""
