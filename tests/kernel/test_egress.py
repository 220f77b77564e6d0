"""The one way out reaches public addresses, and nothing that only this machine can reach."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from millwright.kernel.egress import allowed_from_environment, fetch, send
from millwright.kernel.errors import Forbidden, InvalidInput, MillwrightError, Unavailable


class Receiver(ThreadingHTTPServer):
    """A webhook receiver that remembers what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def allow(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}", f"hooks.example:{self.port}")


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", "/file")
        elif self.path == "/astray":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
        elif self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
        else:
            self.send_response(200 if self.path == "/file" else 404)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"a,b\n1," if self.path == "/file" else b"absent")
            return
        self.end_headers()

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length) or b"null")
        self.server.requests.append((self.command, self.path, dict(self.headers), body))
        if self.path == "/drip":
            for _ in range(200):
                self.wfile.write(b"H")
                self.wfile.flush()
                time.sleep(0.02)
            return
        if self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.end_headers()
            return
        if self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            block = b"x" * 65536
            for _ in range(100_000):
                self.wfile.write(block)
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def never(host: str, port: int) -> list[str]:
    raise AssertionError("nothing should be resolved")


def test_an_allowed_receiver_gets_the_json(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/hook?key=1"
    status = send(url, method="POST", json={"alert": "drift"}, allow=receiver.allow)
    assert status == 204
    method, path, headers, body = receiver.requests[0]
    assert (method, path, body) == ("POST", "/hook?key=1", {"alert": "drift"})
    assert headers["Content-Type"] == "application/json"


def test_the_connection_goes_to_the_address_that_was_checked(receiver: Receiver) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    url = f"http://hooks.example:{receiver.port}/hook"
    assert send(url, json={}, allow=receiver.allow, resolve=resolve) == 204
    assert asked == ["hooks.example"]
    assert receiver.requests[0][2]["Host"] == f"hooks.example:{receiver.port}"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST.",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fe80::1]",
        "[fec0::1]",
        "[fc00::1]",
        "[ff02::1]",
    ],
)
def test_addresses_that_are_not_public_are_refused(receiver: Receiver, host: str) -> None:
    with pytest.raises((Forbidden, Unavailable, InvalidInput)) as caught:
        send(f"http://{host}:{receiver.port}/", json={})
    assert caught.value.code in ("egress.private", "egress.unresolved", "egress.url")
    assert receiver.requests == []


@pytest.mark.parametrize(
    "answers",
    [
        ["93.184.216.34", "127.0.0.1"],
        ["10.1.2.3", "93.184.216.34"],
        ["::ffff:10.0.0.1"],
        ["not an address"],
        ["fe80::1%eth0"],
        [],
    ],
)
def test_one_private_answer_among_the_names_addresses_refuses_it(answers: list[str]) -> None:
    with pytest.raises(Forbidden):
        send("http://hooks.example/", json={}, resolve=lambda host, port: answers)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com",
        "//example.com/",
        "example.com",
        "",
        "http://",
        "http://:80/",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1\\@example.com/",
        "http://example.com/\r\nHost: internal",
        "http://exam ple.com/",
        "http://example.com:99999/",
        "http://example.com:0/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://example.com/ü",
    ],
)
def test_addresses_that_trick_parsers_are_refused_before_resolving(url: str) -> None:
    with pytest.raises(InvalidInput):
        send(url, json={}, resolve=never)


def test_the_allow_list_takes_host_and_port_exactly(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/"
    for allow in (("127.0.0.1",), (f"127.0.0.1:{receiver.port + 1}",), ("*",), ("",)):
        with pytest.raises(Forbidden):
            send(url, json={}, allow=allow)
    with pytest.raises(Forbidden):
        send(f"http://localhost:{receiver.port}/", json={}, allow=receiver.allow)
    assert receiver.requests == []


def test_redirects_are_reported_and_not_followed(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/redirect"
    assert send(url, json={}, allow=receiver.allow) == 302


def test_an_answer_without_end_is_cut(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/endless"
    assert send(url, json={}, allow=receiver.allow) == 200


def test_a_receiver_that_drips_bytes_is_hung_up_on(receiver: Receiver) -> None:
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        send(
            f"http://127.0.0.1:{receiver.port}/drip",
            json={},
            allow=receiver.allow,
            timeout_seconds=0.3,
        )
    assert time.monotonic() - begun < 2.0


def test_a_closed_port_is_a_sentence(receiver: Receiver) -> None:
    with pytest.raises(Unavailable) as caught:
        send("http://127.0.0.1:9/", json={}, allow=("127.0.0.1:9",))
    assert caught.value.code == "egress.unreachable"


def test_tls_is_not_spoken_with_a_stranger(receiver: Receiver) -> None:
    with pytest.raises(Unavailable):
        send(f"https://127.0.0.1:{receiver.port}/", json={}, allow=receiver.allow)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/services/T000/B000/s3cret",
        "http://user:s3cret@10.0.0.1/",
        "ftp://example.com/s3cret",
        "http://127.0.0.1:9/s3cret?token=s3cret",
    ],
)
def test_errors_never_repeat_the_secret_part_of_an_address(url: str) -> None:
    with pytest.raises(MillwrightError) as caught:
        send(url, json={}, allow=("127.0.0.1:9",))
    cause: BaseException | None = caught.value
    assert "s3cret" not in json.dumps(caught.value.problem())
    while cause is not None:
        assert "s3cret" not in repr(cause)
        cause = cause.__cause__


def test_the_allow_list_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", " Hooks.Local:8080 ,, [::1]:9 ")
    assert allowed_from_environment() == ("hooks.local:8080", "[::1]:9")
    monkeypatch.delenv("MILLWRIGHT_EGRESS_ALLOW")
    assert allowed_from_environment() == ()


def fetched(receiver: Receiver, path: str, **options: Any) -> bytes:
    into = io.BytesIO()
    fetch(f"http://127.0.0.1:{receiver.port}{path}", into, allow=receiver.allow, **options)
    return into.getvalue()


def test_a_file_is_fetched_also_where_it_has_moved_to(receiver: Receiver) -> None:
    assert fetched(receiver, "/file") == fetched(receiver, "/moved") == b"a,b\n1,"


def test_a_redirect_to_what_is_not_public_is_refused(receiver: Receiver) -> None:
    with pytest.raises(Forbidden, match=r"169\.254\.169\.254"):
        fetched(receiver, "/astray")


@pytest.mark.parametrize(("path", "said"), [("/round", "again and again"), ("/none", "404")])
def test_what_cannot_be_fetched_is_said(receiver: Receiver, path: str, said: str) -> None:
    with pytest.raises(Unavailable, match=said):
        fetched(receiver, path)


def test_a_file_beyond_the_limit_is_cut_off(receiver: Receiver) -> None:
    with pytest.raises(InvalidInput, match="more than"):
        fetched(receiver, "/file", max_bytes=3)
