"""Webhooks: announced in the change's own transaction, delivered signed, never to private places."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sqlalchemy import select, update

from millwright.kernel.egress import ALLOW_VARIABLE
from millwright.kernel.sealing import is_sealed
from millwright.registry import WebhookController
from millwright.registry.tables import webhook_deliveries, webhooks
from mlflow_server import Served

EVENTS = [{"entity": "MODEL_VERSION_TAG", "action": "SET"}]


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it gets; answers what it is told to, one answer after the other."""

    got: list[tuple[dict[str, str], bytes]]
    answers: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).got.append((dict(self.headers.items()), body))
        status = type(self).answers.pop(0) if type(self).answers else 200
        self.send_response(status)
        if status in (301, 307):
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
        self.end_headers()
        self.wfile.write(b"taken")

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Receiver.got, Receiver.answers = [], []
    http = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    monkeypatch.setenv(ALLOW_VARIABLE, f"127.0.0.1:{http.server_port}")
    yield f"http://127.0.0.1:{http.server_port}/hook"
    http.shutdown()


def created(served: Served, url: str, **options: Any) -> dict[str, Any]:
    body = {"name": "hook", "url": url, "events": EVENTS, **options}
    answer = served.post("webhooks", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["webhook"]
    return found


def changed(served: Served) -> None:
    """Something that the webhook asked to hear of: a tag of a prompt's version, say a model's."""
    served.post("registered-models/create", {"name": "late"})
    body = {"name": "late", "source": "s3://bucket/model"}
    served.post("model-versions/create", body)
    tag = {"name": "late", "version": "1", "key": "k", "value": "v"}
    assert served.post("model-versions/set-tag", tag).status_code == 200


def states(served: Served, webhook: str) -> list[tuple[str, int]]:
    table = webhook_deliveries.c
    with served.store.read() as connection:
        query = select(table.state, table.attempts).where(table.webhook == webhook)
        return [(row.state, row.attempts) for row in connection.execute(query)]


def test_what_happened_is_delivered_signed(served: Served, receiver: str) -> None:
    hook = created(served, receiver, secret="open sesame")
    assert "secret" not in hook
    changed(served)
    controller = WebhookController(served.store)
    controller.reconcile()
    controller.shutdown()
    ((headers, body),) = Receiver.got
    assert json.loads(body)["data"] == {"name": "late", "version": "1", "key": "k", "value": "v"}
    signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body.decode()}"
    digest = hmac.new(b"open sesame", signed.encode(), hashlib.sha256).digest()
    assert headers["X-MLflow-Signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert states(served, hook["webhook_id"]) == [("delivered", 1)]


def test_a_receiver_that_fails_is_asked_again_and_a_redirect_is_not_followed(
    served: Served, receiver: str
) -> None:
    hook = created(served, receiver)
    Receiver.answers = [503]
    changed(served)
    WebhookController(served.store).reconcile()
    assert states(served, hook["webhook_id"]) == [("waiting", 1)]
    assert served.http.delete(
        f"{served.url}/api/2.0/mlflow/webhooks/{hook['webhook_id']}"
    ).is_success
    redirected = created(served, receiver)
    Receiver.answers = [307]
    changed(served)
    WebhookController(served.store).reconcile()
    assert ("failed", 1) in states(served, redirected["webhook_id"])


def test_a_test_delivery_says_what_came_of_it(served: Served, receiver: str) -> None:
    hook = created(served, receiver)
    answer = served.post(f"webhooks/{hook['webhook_id']}/test").json()
    assert answer == {"result": {"success": True, "response_status": 200, "response_body": "taken"}}


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://localhost/x",
        "http://example.com/x",
        "ftp://example.com/x",
        "https://user:secret@example.com/x",
        "https:///x",
        "  ",
        "https://exa mple.com/",
    ],
)
def test_addresses_that_are_not_public_are_refused(served: Served, url: str) -> None:
    answer = served.post("webhooks", {"name": "hook", "url": url, "events": EVENTS})
    assert served.refusal(answer)[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert served.get("webhooks").json() == {}


def test_a_webhook_is_changed_and_removed_with_its_secret(client: Any, served: Served) -> None:
    from mlflow.entities.webhook import WebhookEvent

    events = [WebhookEvent.from_str("model_version.created")]
    hook = client.create_webhook("hook", "https://8.8.8.8/x", events, secret="s")
    assert client.update_webhook(hook.webhook_id, description="d").description == "d"
    assert [w.name for w in client.list_webhooks()] == ["hook"]
    client.delete_webhook(hook.webhook_id)
    assert list(client.list_webhooks()) == []


def stored_secret(served: Served) -> str:
    query = select(webhooks.c.secret).order_by(webhooks.c.created_ms.desc())
    with served.store.read() as connection:
        return str(connection.execute(query.where(webhooks.c.project == served.project)).scalar())


def test_a_secret_is_sealed_in_the_database(served: Served, receiver: str) -> None:
    created(served, receiver, secret="open sesame")
    assert is_sealed(stored_secret(served))
    assert "open sesame" not in stored_secret(served)
    key = served.store.workspace.folder() / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_without_its_key_nothing_is_sent_unsigned(
    served: Served, receiver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = created(served, receiver, secret="open sesame")
    changed(served)
    monkeypatch.setenv("MILLWRIGHT_SECRET_KEY", "ab" * 32)
    controller = WebhookController(served.store)
    controller.reconcile()
    controller.shutdown()
    assert Receiver.got == []
    assert states(served, hook["webhook_id"]) == [("waiting", 1)]


def test_a_secret_that_an_older_version_kept_openly_is_sealed_when_the_server_starts(
    served: Served, receiver: str
) -> None:
    created(served, receiver, secret="open sesame")
    with served.store.database.write() as connection:
        connection.execute(update(webhooks).values(secret="open sesame"))
    WebhookController(served.store).reconcile()
    assert is_sealed(stored_secret(served))
