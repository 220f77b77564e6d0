"""What can be announced, and writing it down for each webhook that wants to hear it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from millwright.kernel import clock
from millwright.kernel.ids import new_id
from millwright.kernel.plain_sql import fetch
from millwright.kernel.store import Transaction
from millwright.registry.tables import webhook_deliveries

_ACTIVE = "SELECT id, events FROM webhooks WHERE project = ? AND status = 'ACTIVE'"
_NAMED = {"name": "example_model"}
_VERSION = {**_NAMED, "version": "1"}
_PROMPT = {"name": "example_prompt"}
_PROMPT_VERSION = {**_PROMPT, "version": "1"}
_TAG = {"key": "example_key", "value": "example_value"}
_TAGS = {"tags": {"example_key": "example_value"}}
_ALIAS = {"alias": "example_alias"}

EXAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("registered_model", "created"): {
        **_NAMED,
        **_TAGS,
        "description": "An example registered model",
    },
    ("model_version", "created"): {
        **_VERSION,
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        **_TAGS,
        "description": "An example model version",
    },
    ("model_version_tag", "set"): {**_VERSION, **_TAG},
    ("model_version_tag", "deleted"): {**_VERSION, "key": "example_key"},
    ("model_version_alias", "created"): {**_NAMED, **_ALIAS, "version": "1"},
    ("model_version_alias", "deleted"): {**_NAMED, **_ALIAS},
    ("prompt", "created"): {**_PROMPT, **_TAGS, "description": "An example prompt"},
    ("prompt_version", "created"): {
        **_PROMPT_VERSION,
        "template": "Hello {{name}}!",
        **_TAGS,
        "description": "An example prompt version",
    },
    ("prompt_tag", "set"): {**_PROMPT, **_TAG},
    ("prompt_tag", "deleted"): {**_PROMPT, "key": "example_key"},
    ("prompt_version_tag", "set"): {**_PROMPT_VERSION, **_TAG},
    ("prompt_version_tag", "deleted"): {**_PROMPT_VERSION, "key": "example_key"},
    ("prompt_alias", "created"): {**_PROMPT, **_ALIAS, "version": "1"},
    ("prompt_alias", "deleted"): {**_PROMPT, **_ALIAS},
}
"""Everything that is announced, by entity and action, with what a test delivery carries."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened in the registry, as it is told to others."""

    entity: str
    action: str
    data: Mapping[str, Any]


def announce(tx: Transaction, project: str, happening: Happening) -> None:
    """Note a delivery for each active webhook that asked for this, in the caller's transaction."""
    name = f"{happening.entity}.{happening.action}"
    active = fetch(tx.connection, _ACTIVE, project)
    wanted = [identifier for identifier, events in active if name in json.loads(events)]
    if not wanted:
        return
    now = clock.now_ms()
    body = message(happening, now)
    rows = [
        {
            "id": new_id(),
            "webhook": identifier,
            "entity": happening.entity,
            "action": happening.action,
            "payload": body,
            "created_ms": now,
            "due_ms": now,
            "attempts": 0,
            "state": "waiting",
        }
        for identifier in wanted
    ]
    tx.execute(insert(webhook_deliveries), rows)


def message(happening: Happening, now_ms: int) -> str:
    """The body of a delivery, as MLflow's receivers expect it."""
    return json.dumps(
        {
            "entity": happening.entity,
            "action": happening.action,
            "timestamp": datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(),
            "data": happening.data,
        }
    )
