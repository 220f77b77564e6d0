"""What a sender sent: a CloudEvent in structured or binary mode, or another service's webhook.

Sources: CloudEvents 1.0 and its HTTP protocol binding, sections 3.1 and 3.2; Standard Webhooks
1.0; GitHub's webhooks.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from millwright.automation.triggers.records import Occurrence
from millwright.kernel.errors import InvalidInput

STRUCTURED = "application/cloudevents+json"
TOLERANCE_SECONDS = 300
"""How old a signed message may be: an older one may be a replay."""
_REQUIRED = ("id", "source", "type")


def received(headers: Mapping[str, str], body: bytes) -> Occurrence:
    """The occurrence that a request tells of.

    Args:
        headers: of the request, names in lower case.
        body: its bytes, JSON where there are any.

    Raises:
        InvalidInput: it is no event, or carries no id by which a repetition would be known.
    """
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == STRUCTURED:
        return _event(_mapping(_parsed(body)))
    attributes = {
        name.removeprefix("ce-"): unquote(value)
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if attributes:
        return _event({**attributes, "data": _parsed(body)})
    return _foreign(headers, _parsed(body))


def is_signed(headers: Mapping[str, str], body: bytes, secret: str, now_seconds: float) -> bool:
    """Whether a request carries a signature made with the secret: one of Standard Webhooks
    (``webhook-signature``), or GitHub's (``x-hub-signature-256``)."""
    given = headers.get("x-hub-signature-256")
    if given is not None:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(given.encode(), f"sha256={digest}".encode())
    identifier, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (identifier and sent_at.isdigit() and len(sent_at) < 12):
        return False
    if abs(now_seconds - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    wanted = signature(secret, identifier, sent_at, body).encode()
    given = headers.get("webhook-signature", "")
    return any(hmac.compare_digest(one.encode(), wanted) for one in given.split())


def signature(secret: str, identifier: str, sent_at: str, body: bytes) -> str:
    """The ``webhook-signature`` of Standard Webhooks: ``v1,BASE64(HMAC-SHA256(ID.TIME.BODY))``.

    A secret that begins with ``whsec_`` is the base64 of the key, as that standard writes them.
    """
    try:
        key = (
            base64.b64decode(secret.removeprefix("whsec_"), validate=True)
            if secret.startswith("whsec_")
            else secret.encode()
        )
    except binascii.Error:
        key = secret.encode()
    digest = hmac.new(key, f"{identifier}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _event(found: Mapping[str, Any]) -> Occurrence:
    version = found.get("specversion")
    if version != "1.0":
        raise InvalidInput(
            "triggers.cloud_event",
            f"A CloudEvent of version {version!r} is not understood.",
            hint="Send specversion 1.0.",
            value=version,
        )
    for name in _REQUIRED:
        if not isinstance(found.get(name), str) or not found[name]:
            raise InvalidInput(
                "triggers.cloud_event",
                f"The CloudEvent lacks the attribute '{name}'.",
                hint="It needs specversion, id, source and type.",
                value=name,
            )
    # Source and id together make an event unique (CloudEvents 1.0, section 3.1.1).
    return _told(
        f"{found['source']}\n{found['id']}",
        {**found, "data": found.get("data")},
        {"event": found["id"], "source": found["source"], "type": found["type"]},
    )


def _foreign(headers: Mapping[str, str], data: Any) -> Occurrence:
    for name in ("webhook-id", "idempotency-key", "x-github-delivery", "x-gitlab-event-uuid"):
        if headers.get(name):
            kind = headers.get("x-github-event") or headers.get("x-gitlab-event") or "webhook"
            known = {"id": headers[name], "source": name, "type": kind, "data": data}
            return _told(f"{name}\n{headers[name]}", known, {"event": headers[name], "type": kind})
    raise InvalidInput(
        "triggers.no_id",
        "The request has no id by which a repetition could be told from something new.",
        hint="Send a CloudEvent, or a header Idempotency-Key with an id of your choice.",
    )


def _told(key: str, known: dict[str, Any], cause: dict[str, Any]) -> Occurrence:
    # Ids are of any length; their digest is not.
    digest = hashlib.sha256(key.encode()).hexdigest()
    short = {name: str(value)[:200] for name, value in cause.items()}
    return Occurrence(key=f"received:{digest}", known=known, cause=short, by="webhook")


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as cause:
        raise InvalidInput("triggers.not_json", "The body is not JSON.") from cause


def _mapping(found: Any) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise InvalidInput("triggers.cloud_event", "The body is no CloudEvent.")
    return found
