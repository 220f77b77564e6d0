"""Sending one delivery: signed, to public addresses alone, never following a redirect."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from millwright.kernel.egress import allowed_from_environment, exchange
from millwright.kernel.errors import MillwrightError

TIMEOUT_SECONDS = 10.0
_MAX_ANSWER = 4_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt; ``status`` is None where nothing answered."""

    status: int | None
    body: str
    problem: str | None

    @property
    def taken(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and self.status < 300

    @property
    def worth_another_try(self) -> bool:
        """Whether trying again may help: nothing answered, it was busy, or it failed."""
        return self.status is None or self.status in (408, 425, 429) or self.status >= 500


def deliver(url: str, secret: str | None, delivery: str, body: str) -> Outcome:
    """Send ``body`` to ``url``; never raises for what the other side does.

    The signature covers id, time and body, so that neither can be exchanged:
    ``v1,base64(HMAC-SHA256(secret, "id.time.body"))``.
    """
    sent_at = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "X-MLflow-Delivery-Id": delivery,
        "X-MLflow-Timestamp": sent_at,
    }
    if secret:
        headers["X-MLflow-Signature"] = signature(secret, delivery, sent_at, body)
    try:
        answer = exchange(
            url,
            body=body.encode(),
            headers=headers,
            allow=allowed(url),
            timeout_seconds=TIMEOUT_SECONDS,
        )
    except MillwrightError as cause:
        return Outcome(None, "", str(cause))
    return Outcome(answer.status, answer.body[:_MAX_ANSWER].decode("utf-8", "replace"), None)


def signature(secret: str, delivery: str, sent_at: str, body: str) -> str:
    """The value of ``X-MLflow-Signature``."""
    content = f"{delivery}.{sent_at}.{body}".encode()
    digest = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def allowed(url: str) -> tuple[str, ...]:
    """The private addresses that may be sent to: those of ``MILLWRIGHT_EGRESS_ALLOW``.

    MLflow's own switch for its tests, ``_MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS``, is honoured.
    """
    known = allowed_from_environment()
    if os.environ.get("_MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "").lower() in ("1", "true"):
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return (*known, f"{host}:{port}")
    return known
