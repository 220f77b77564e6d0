"""Webhooks of the MLflow protocol: create, list, get, update, delete, test."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Row

from millwright.kernel import clock
from millwright.kernel.access import Permission
from millwright.kernel.egress import require_public
from millwright.kernel.errors import Forbidden, InvalidInput, Unavailable
from millwright.kernel.ids import new_id
from millwright.kernel.store import Transaction
from millwright.registry.mlflow.entities import Json
from millwright.registry.mlflow.names import required
from millwright.registry.tables import webhook_deliveries, webhooks
from millwright.registry.webhooks.events import EXAMPLES, Happening, message
from millwright.registry.webhooks.secrets import opened, sealed
from millwright.registry.webhooks.sending import allowed, deliver
from millwright.tracking import (
    Endpoints,
    MlflowCall,
    absent,
    invalid,
    missing,
    offset_of,
    token_of,
)

endpoints = Endpoints()
_NAME = re.compile(r"^(?=.{1,63}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?$", re.IGNORECASE)
_ENTITIES = (
    "entity_unspecified",
    "registered_model",
    "model_version",
    "model_version_tag",
    "model_version_alias",
    "prompt",
    "prompt_version",
    "prompt_tag",
    "prompt_version_tag",
    "prompt_alias",
    "budget_policy",
)
_ACTIONS = ("action_unspecified", "created", "updated", "deleted", "set", "exceeded")
_STATUSES = ("", "ACTIVE", "DISABLED")
MAX_WEBHOOKS = 1_000
MAX_URL = 2_000
MAX_SECRET = 1_000


class Event(msgspec.Struct):
    """An entity and an action, by the protocol's names or numbers."""

    entity: str | int = 0
    action: str | int = 0


class Asked(msgspec.Struct):
    """A request about a webhook."""

    name: str | None = None
    description: str | None = None
    url: str | None = None
    events: list[Event] | None = None
    event: Event | None = None
    secret: str | None = None
    status: str | int | None = None
    max_results: int | None = None
    page_token: str | None = None


@endpoints.post("webhooks", permission=Permission.ADMIN)
def create_webhook(call: MlflowCall) -> Json:
    """Add a webhook. Its secret is kept for signing and never shown again."""
    asked = call.read(Asked)
    name = _checked_name(required(asked.name, "name"))
    url = _checked_url(required(asked.url, "url"))
    events = _checked_events(asked.events)
    now = clock.now_ms()
    identifier = str(uuid.uuid4())
    values = {
        "id": identifier,
        "project": call.project,
        "name": name,
        "description": asked.description or None,
        "url": url,
        "secret": sealed(call.store, identifier, _checked_secret(asked.secret)),
        "status": _status(asked.status) or "ACTIVE",
        "events": json.dumps(events),
        "created_ms": now,
        "updated_ms": now,
        "actor": call.actor.name,
    }
    with call.store.write(call.actor, call.project) as tx:
        mine = select(webhooks.c.id).where(webhooks.c.project == call.project)
        if len(tx.execute(mine.limit(MAX_WEBHOOKS)).all()) >= MAX_WEBHOOKS:
            raise invalid(f"A project may have at most {MAX_WEBHOOKS} webhooks.")
        tx.execute(insert(webhooks).values(**values))
        tx.event("webhook.created", f"webhook:{values['id']}", {"name": name, "events": events})
        return {"webhook": _json(_row(tx, call, str(values["id"])))}


@endpoints.get("webhooks", permission=Permission.ADMIN)
def list_webhooks(call: MlflowCall) -> Json:
    """The webhooks of the project, newest first."""
    asked = call.read(Asked)
    size = asked.max_results or 100
    if not 1 <= size <= 1_000:
        raise invalid("max_results must be between 1 and 1000.")
    start = offset_of(asked.page_token)
    query = (
        select(webhooks)
        .where(webhooks.c.project == call.project)
        .order_by(webhooks.c.created_ms.desc(), webhooks.c.id)
        .offset(start)
        .limit(size + 1)
    )
    with call.store.read() as connection:
        rows = connection.execute(query).all()
    answer: Json = {"webhooks": [_json(row) for row in rows[:size]]} if rows else {}
    if len(rows) > size:
        answer["next_page_token"] = token_of(start + size)
    return answer


@endpoints.get("webhooks/{webhook_id}", permission=Permission.ADMIN)
def get_webhook(call: MlflowCall) -> Json:
    """One webhook, without its secret."""
    with call.store.read() as connection:
        query = _mine(call, call.parts["webhook_id"])
        row = connection.execute(query).first()
    if row is None:
        raise _unknown(call.parts["webhook_id"])
    return {"webhook": _json(row)}


@endpoints.patch("webhooks/{webhook_id}", permission=Permission.ADMIN)
def update_webhook(call: MlflowCall) -> Json:
    """Change what is given and leave the rest."""
    asked = call.read(Asked)
    changes: dict[str, Any] = {}
    if asked.name:
        changes["name"] = _checked_name(asked.name)
    if asked.url:
        changes["url"] = _checked_url(asked.url)
    if asked.events:
        changes["events"] = json.dumps(_checked_events(asked.events))
    if asked.description is not None:
        changes["description"] = asked.description
    identifier = call.parts["webhook_id"]
    if asked.secret is not None:
        changes["secret"] = sealed(call.store, identifier, _checked_secret(asked.secret))
    if asked.status is not None:
        changes["status"] = _status(asked.status)
    with call.store.write(call.actor, call.project) as tx:
        row = _row(tx, call, identifier)
        known = {"updated_ms": max(clock.now_ms(), row.updated_ms + 1), **changes}
        tx.execute(update(webhooks).where(webhooks.c.id == identifier).values(**known))
        payload = {"changed": sorted(changes)}
        tx.event("webhook.changed", f"webhook:{identifier}", payload)
        return {"webhook": _json(_row(tx, call, identifier))}


@endpoints.delete("webhooks/{webhook_id}", permission=Permission.ADMIN)
def delete_webhook(call: MlflowCall) -> Json:
    """Remove a webhook, its secret, and what was still to be delivered."""
    identifier = call.parts["webhook_id"]
    with call.store.write(call.actor, call.project) as tx:
        row = _row(tx, call, identifier)
        table = webhook_deliveries.c.webhook
        tx.execute(delete(webhook_deliveries).where(table == identifier))
        tx.execute(delete(webhooks).where(webhooks.c.id == identifier))
        tx.event("webhook.deleted", f"webhook:{identifier}", {"name": row.name})
    return {}


@endpoints.post("webhooks/{webhook_id}/test", permission=Permission.ADMIN)
def test_webhook(call: MlflowCall) -> Json:
    """Send an example now and say what came of it."""
    asked = call.read(Asked)
    with call.store.read() as connection:
        row = connection.execute(_mine(call, call.parts["webhook_id"])).first()
    if row is None:
        raise _unknown(call.parts["webhook_id"])
    name = _checked_events([asked.event])[0] if asked.event else json.loads(row.events)[0]
    entity, _, action = name.partition(".")
    example = Happening(entity, action, EXAMPLES[entity, action])
    secret = opened(call.store, row.id, row.secret)
    outcome = deliver(row.url, secret, new_id(), message(example, clock.now_ms()))
    if outcome.status is None:
        problem = f"Failed to test webhook: {outcome.problem}"
        return {"result": {"success": False, "error_message": problem}}
    return {
        "result": {
            "success": outcome.status < 400,
            "response_status": outcome.status,
            "response_body": outcome.body,
        }
    }


def _mine(call: MlflowCall, identifier: str) -> Any:
    return select(webhooks).where(webhooks.c.project == call.project, webhooks.c.id == identifier)


def _row(tx: Transaction, call: MlflowCall, identifier: str) -> Row[Any]:
    row: Row[Any] | None = tx.execute(_mine(call, identifier)).first()
    if row is None:
        raise _unknown(identifier)
    return row


def _unknown(identifier: str) -> Exception:
    return absent(f"Webhook with ID {identifier[:100]} not found.")


def _json(row: Row[Any]) -> Json:
    events = [name.partition(".") for name in json.loads(row.events)]
    known: Json = {
        "webhook_id": row.id,
        "name": row.name,
        "url": row.url,
        "events": [{"entity": e.upper(), "action": a.upper()} for e, _, a in events],
        "status": row.status,
        "creation_timestamp": row.created_ms,
        "last_updated_timestamp": row.updated_ms,
    }
    if row.description is not None:
        known["description"] = row.description
    return known


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Webhook name {name[:100]!r} is invalid. It must start and end with a letter or digit, "
            "be less than 63 characters long, and contain only letters, digits, dots (.), "
            "underscores (_), and hyphens (-)."
        )
    return name


def _checked_url(url: str) -> str:
    if not url.strip():
        raise invalid(f"Webhook URL cannot be empty or just whitespace: {url[:100]!r}")
    if len(url) > MAX_URL:
        raise invalid(f"Webhook URL must have at most {MAX_URL} characters.")
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as cause:
        raise invalid(f"Invalid webhook URL {url[:100]!r}: {cause!r}") from cause
    may_be_private = f"{parts.hostname}:{port}" in allowed(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and may_be_private):
        raise invalid(f"Invalid webhook URL scheme: {parts.scheme!r}. Allowed schemes are: https.")
    if not parts.hostname:
        raise invalid(f"Webhook URL must include a hostname: {url[:100]!r}")
    try:
        require_public(url, allow=allowed(url))
    except Forbidden as cause:
        raise invalid(
            f"Webhook URL must not resolve to a non-public IP address. {cause.message}"
        ) from cause
    except InvalidInput as cause:
        raise invalid(f"Invalid webhook URL: {cause.message}") from cause
    except Unavailable:
        # It may resolve later; each delivery looks again, and sends to nothing that is private.
        return url
    return url


def _checked_events(events: list[Event] | None) -> list[str]:
    if not events:
        raise missing("events")
    found = []
    for event in events:
        entity, action = _word(event.entity, _ENTITIES), _word(event.action, _ACTIONS)
        if (entity, action) not in EXAMPLES:
            valid = sorted(a for e, a in EXAMPLES if e == entity)
            raise invalid(
                f"Invalid action '{action}' for entity '{entity}'. Valid actions are: {valid}"
            )
        found.append(f"{entity}.{action}")
    return sorted(set(found))


def _word(given: str | int, known: tuple[str, ...]) -> str:
    if isinstance(given, int):
        return known[given] if 0 <= given < len(known) else str(given)
    return given.lower()[:50]


def _status(given: str | int | None) -> str | None:
    if given is None or given == "":
        return None
    word = given if isinstance(given, str) else _word(given, _STATUSES)
    if word not in _STATUSES[1:]:
        raise invalid(f"Invalid webhook status {word[:50]!r}. It must be ACTIVE or DISABLED.")
    return word


def _checked_secret(secret: str | None) -> str | None:
    if secret is not None and len(secret) > MAX_SECRET:
        raise invalid(f"A webhook's secret must have at most {MAX_SECRET} characters.")
    return secret or None
