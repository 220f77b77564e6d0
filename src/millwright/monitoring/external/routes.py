"""Predictions of other servers over HTTP."""

from __future__ import annotations

from fastapi import Depends, Request

from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.errors import TooLarge
from millwright.kernel.routing import Call, RoomRouter, current_call
from millwright.monitoring.external import taking
from millwright.monitoring.external.payloads import payload_of
from millwright.monitoring.external.records import ExternalBatch, PredictionsAccepted

router = RoomRouter(tag="monitoring")
_DEPLOYMENT = "/projects/{project}/deployments/{name}"
_MOST_BYTES = 16 << 20


@router.post(_DEPLOYMENT + "/predictions", permission=Permission.WRITE, status_code=202)
def add_predictions(
    project: Name, name: Name, body: ExternalBatch, call: Call = Depends(current_call)
) -> PredictionsAccepted:
    """Put predictions that another server made into a deployment's log."""
    return taking.add_predictions(call.store, call.actor, project, name, body)


async def _content(request: Request) -> bytes:
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > _MOST_BYTES:
            raise TooLarge("monitoring.too_large", "A payload may have at most 16 MiB.")
    return bytes(parts)


@router.post(_DEPLOYMENT + "/payloads", permission=Permission.WRITE, status_code=202)
def add_payload(
    project: Name,
    name: Name,
    request: Request,
    content: bytes = Depends(_content),
    call: Call = Depends(current_call),
) -> PredictionsAccepted:
    """Take a CloudEvent of KServe's payload logger; a request and its response make predictions."""
    payload = payload_of(request.headers, content)
    return taking.add_payload(call.store, call.actor, project, name, payload)
