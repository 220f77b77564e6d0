"""Alerts reach the webhook, also after a failure and after a restart."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from millwright.kernel import events
from millwright.monitoring import MonitorController, delivery

CONFIG = """
project: flights
data: {{source: flights.csv, target: late}}
monitoring:
  alerts: {{webhook: "http://127.0.0.1:{port}/hook/s3cret", group_wait: 0s}}
"""


class Receiver(ThreadingHTTPServer):
    """A webhook that answers with the given codes, then with 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.messages: list[dict[str, Any]] = []
        self.answers: list[int] = []


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.messages.append(json.loads(body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    server = Receiver()
    port = server.server_address[1]
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", f"127.0.0.1:{port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def configured(world: Any, door: Any, receiver: Receiver) -> Any:
    text = CONFIG.format(port=receiver.server_address[1])
    door.put(f"/projects/{world.project}", {"config": text})
    return world


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 15 seconds"
        threading.Event().wait(0.02)


def delivered(world: Any) -> list[events.Event]:
    with world.store.read() as connection:
        return events.read(connection, kind="alert.delivered")


def drift_week(world: Any) -> None:
    world.traffic(0, warmer=1.5)
    world.traffic(1)


def test_an_alert_is_posted_as_a_cloud_event(
    configured: Any, controller: MonitorController, receiver: Receiver
) -> None:
    drift_week(configured)
    controller.reconcile()
    eventually(lambda: len(receiver.messages) == 1)
    message = receiver.messages[0]
    assert message["specversion"] == "1.0"
    assert message["type"] == "millwright.alert.raised"
    assert message["source"] == "/projects/flights/deployments/flights"
    assert message["data"]["kind"] == "data_drift"
    configured.traffic(2)
    controller.reconcile()
    eventually(lambda: len(receiver.messages) == 2)
    assert receiver.messages[1]["type"] == "millwright.alert.resolved"


def test_a_failing_webhook_is_tried_again(
    configured: Any,
    controller: MonitorController,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(delivery, "RETRY_SECONDS", (0.05, 0.05, 0.05))
    receiver.answers = [500, 302]
    drift_week(configured)
    with caplog.at_level(logging.INFO):
        controller.reconcile()
        eventually(lambda: len(receiver.messages) == 3)
    assert "s3cret" not in caplog.text
    assert sum("2 of 3 monitored features" in line for line in caplog.text.splitlines()) == 1


def test_what_was_not_delivered_is_delivered_after_a_restart(
    configured: Any, controllers: Callable[[], MonitorController], receiver: Receiver
) -> None:
    drift_week(configured)
    first = controllers()
    first._delivery.wake = lambda: None  # type: ignore[method-assign]  # as if killed before
    first.reconcile()
    assert receiver.messages == []
    controllers().reconcile()
    eventually(lambda: len(delivered(configured)) == 1)
    third = controllers()
    third.reconcile()
    third.shutdown()
    assert len(receiver.messages) == 1
