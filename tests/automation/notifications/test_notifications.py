"""People hear how runs end, over each channel at least once, and again when nobody took it."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from millwright.automation.notifications.controller import NotificationController
from millwright.kernel import clock
from millwright.kernel.access import SYSTEM
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.pipelines import Graph, NewPipelineRun, cancel_run, create_run


class Receiver:
    """An HTTP server that keeps what it was sent, and a mail server."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []
        self.mails: list[str] = []
        self.refuse = 0
        outer = self

        class Http(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.refuse:
                    outer.refuse -= 1
                    self.send_response(500)
                else:
                    outer.taken.append((self.path, body))
                    self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Mail(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"220 here\r\n")
                inside, lines = False, []
                for raw in self.rfile:
                    line = raw.decode().rstrip("\r\n")
                    if inside:
                        inside = line != "."
                        if inside:
                            lines.append(line)
                            continue
                        outer.mails.append("\n".join(lines))
                    elif line == "data":
                        inside = True
                        self.wfile.write(b"354 go on\r\n")
                        continue
                    self.wfile.write(b"250 OK\r\n")
                    if line.lower() == "quit":
                        return

        self.http = HTTPServer(("127.0.0.1", 0), Http)
        self.mail = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail)
        for server in (self.http, self.mail):
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def close(self) -> None:
        for server in (self.http, self.mail):
            server.shutdown()
            server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Iterator[Receiver]:
    made = Receiver()
    http, mail = (f"127.0.0.1:{server.server_address[1]}" for server in (made.http, made.mail))
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", f"{http},{mail}")
    write(
        workspace.root,
        f"""
  when: [cancelled]
  pipelines: [weekly]
  webhook: http://{http}/events
  slack: http://{http}/slack
  email: {{to: [ops@example.org], sender: mw@example.org, server: "{mail}"}}
""",
    )
    yield made
    made.close()


def write(root: Path, wishes: str) -> None:
    text = "project: p\ndata: {source: a.csv, target: y}\nnotifications:" + wishes
    (root / "millwright.yaml").write_text(text)


def end(store: Store, name: str = "weekly") -> str:
    graph = Graph(pipeline=name, parameters={}, nodes=())
    new = NewPipelineRun(name=name, entry_point=f"flow:{name}", graph=graph, cause={"alert": "<a>"})
    run = create_run(store, SYSTEM, "p", new)
    return cancel_run(store, SYSTEM, run.id).id


def test_the_end_of_a_run_is_told_over_every_channel_once(store: Store, receiver: Receiver) -> None:
    end(store)
    controller = NotificationController(store)
    controller.reconcile()
    run_id = end(store)
    end(store, "another")

    for again in (controller, NotificationController(store), controller):
        again.reconcile()

    assert [path for path, _ in receiver.taken] == ["/events", "/slack"]
    (_, event), (_, slack) = receiver.taken
    assert event["type"] == "millwright.pipeline-run.cancelled"
    assert (event["specversion"], event["subject"]) == ("1.0", f"pipeline-run:{run_id}")
    assert slack["text"].startswith("*weekly cancelled*\n")
    assert "Started by: alert &lt;a&gt;" in slack["text"]
    (mail,) = receiver.mails
    assert "Subject: weekly cancelled" in mail
    assert f"Run: {run_id}" in mail


def test_what_nobody_took_is_told_again(
    store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    NotificationController(store).reconcile()
    end(store)
    receiver.refuse = 2
    NotificationController(store).reconcile()
    assert (receiver.taken, len(receiver.mails)) == ([], 1)

    later = clock.now_ms() + 2_000
    monkeypatch.setattr(clock, "now_ms", lambda: later)
    NotificationController(store).reconcile()

    assert [path for path, _ in receiver.taken] == ["/events", "/slack"]
    assert len(receiver.mails) == 1


def test_an_address_that_may_not_be_sent_to_is_given_up_and_holds_nothing_up(
    store: Store, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(workspace.root, " {when: [cancelled], webhook: 'http://169.254.169.254/x'}\n")
    controller = NotificationController(store)
    controller.reconcile()
    end(store)
    now = clock.now_ms()
    for hour in range(6):
        monkeypatch.setattr(clock, "now_ms", lambda at=now + hour * 3_600_000: at)
        controller.reconcile()

    from millwright.kernel import events

    with store.read() as connection:
        found = events.read(connection, kind="notification.failed")
    assert [event.payload["attempts"] for event in found] == [5]
