"""Routes of triggers, and the door at which other systems knock."""

from __future__ import annotations

import time
from typing import Any

from fastapi import Depends, Request, Response
from sqlalchemy.engine import Row

from millwright.automation.triggers import service
from millwright.automation.triggers.receiving import is_signed, received
from millwright.automation.triggers.records import (
    FireByHand,
    Firing,
    Occurrence,
    Trigger,
    TriggerSecret,
)
from millwright.kernel.access import Actor, Permission, Role
from millwright.kernel.config import Name
from millwright.kernel.config_automation import TriggerConfig
from millwright.kernel.errors import (
    InvalidInput,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from millwright.kernel.ids import new_id
from millwright.kernel.routing import Call, RoomRouter, current_call
from millwright.kernel.store import Store

router = RoomRouter(tag="automation")
_PLACE = "/projects/{project}/triggers/{name}"
_MOST_BYTES = 1 << 20


@router.get("/projects/{project}/triggers", permission=Permission.READ)
def list_triggers(project: Name, call: Call = Depends(current_call)) -> list[Trigger]:
    """The triggers of a project, with what made them fire last."""
    return service.list_triggers(call.store, project)


@router.get(_PLACE, permission=Permission.READ)
def get_trigger(project: Name, name: Name, call: Call = Depends(current_call)) -> Trigger:
    """One trigger."""
    return service.get_trigger(call.store, project, name)


@router.put(_PLACE, permission=Permission.WRITE)
def put_trigger(
    project: Name, name: Name, body: TriggerConfig, call: Call = Depends(current_call)
) -> Trigger:
    """Add a trigger or change it."""
    return service.put_trigger(call.store, call.actor, project, name, body)


@router.delete(_PLACE, permission=Permission.WRITE)
def remove_trigger(project: Name, name: Name, call: Call = Depends(current_call)) -> None:
    """Remove a trigger; its runs stay."""
    service.remove_trigger(call.store, call.actor, project, name)


@router.post(_PLACE + "/pause", permission=Permission.WRITE)
def pause_trigger(project: Name, name: Name, call: Call = Depends(current_call)) -> Trigger:
    """Stop firing."""
    return service.set_paused(call.store, call.actor, project, name, True)


@router.post(_PLACE + "/resume", permission=Permission.WRITE)
def resume_trigger(project: Name, name: Name, call: Call = Depends(current_call)) -> Trigger:
    """Fire again, from now on."""
    return service.set_paused(call.store, call.actor, project, name, False)


@router.post(_PLACE + "/secret", permission=Permission.OPERATE)
def renew_secret(project: Name, name: Name, call: Call = Depends(current_call)) -> TriggerSecret:
    """A new secret for the senders to a webhook; the one before is void."""
    return service.renew_secret(call.store, call.actor, project, name)


@router.post(_PLACE + "/fire", permission=Permission.WRITE)
def fire_trigger(
    project: Name, name: Name, body: FireByHand, call: Call = Depends(current_call)
) -> Firing:
    """Fire by hand, or from another orchestrator: one call starts one run."""
    with call.store.read() as connection:
        row = service.trigger_row(connection, project, name)
    happened = Occurrence(
        key=f"hand:{body.key or new_id()}",
        known={**body.data, "data": body.data},
        cause={"by": call.actor.name},
        by="api",
    )
    return service.fire(call.store, call.actor, row, happened)


async def _body(request: Request) -> bytes:
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > _MOST_BYTES:
            raise TooLarge("triggers.too_large", "An event may have at most 1 MiB.")
    return bytes(parts)


@router.post(_PLACE + "/events", permission=Permission.PUBLIC, status_code=202)
def receive(
    project: Name, name: Name, request: Request, response: Response, body: bytes = Depends(_body)
) -> Firing:
    """Take a CloudEvent, or another service's webhook.

    Whoever sends has a token that may write, or signs with the trigger's secret. When this answers
    202 the run is queued for good; sent again, the same event is answered 200 and starts nothing.
    """
    store: Store = request.app.state.store
    actor, row = _admitted(store, project, name, request, body)
    config = TriggerConfig.model_validate_json(row.config)
    if config.when != "webhook":
        raise InvalidInput("triggers.no_webhook", f"Nobody sends to the trigger '{name}'.")
    if row.paused:
        raise Unavailable(
            "triggers.paused", f"The trigger '{name}' is paused.", hint="Send it again later."
        )
    happened = received(request.headers, body)
    kind = happened.known.get("type")
    if config.type is not None and kind != config.type:
        raise InvalidInput(
            "triggers.other_type",
            f"The trigger '{name}' takes events of type {config.type}, not {kind}.",
            value=kind,
        )
    firing = service.fire(store, actor, row, happened)
    response.status_code = 200 if firing.repeated else 202
    return firing


def _admitted(
    store: Store, project: str, name: str, request: Request, body: bytes
) -> tuple[Actor, Row[Any]]:
    try:
        actor = current_call(request).actor.within(project)
    except Unauthenticated:
        actor = None
    try:
        with store.read() as connection:
            row = service.trigger_row(connection, project, name)
    except NotFound:
        if actor is not None and actor.may(Permission.WRITE):
            raise
        row = None
    if row is not None and actor is not None and actor.may(Permission.WRITE):
        return actor, row
    secret = service.secret_of(store, row) if row is not None else None
    if row is None or not secret or not is_signed(request.headers, body, secret, time.time()):
        # The same answer for what is not there, so that names cannot be guessed.
        raise Unauthenticated(
            "triggers.unsigned",
            "The event is neither signed with this trigger's secret nor sent with a token.",
            hint="See docs/guide/schedules.md for how to sign.",
        )
    return Actor(f"webhook:{name}", Role.EDITOR), row
