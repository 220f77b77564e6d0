"""What comes from those who mean harm: a 4xx at once, within bounds of memory, and nothing more."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket

import psutil

HEAD = "POST /v2/models/delays/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"inputs": []}'
HIDDEN = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"e\r\n" + BODY + b"\r\n0\r\n\r\n"
NUMBER = '{"inputs":[{"name":"distance","shape":[1],"datatype":"FP64","data":[%s]}]}'


def body_of(content: bytes, *headers: str) -> bytes:
    said = "".join(f"{header}\r\n" for header in (*headers, f"Content-Length: {len(content)}"))
    return f"{HEAD}{said}\r\n".encode() + content


HOSTILE = {
    "nan": body_of((NUMBER % "NaN").encode()),
    "infinity": body_of((NUMBER % "-Infinity").encode()),
    "beyond any float": body_of((NUMBER % "1e999").encode()),
    "deep": body_of(b"[" * 1_000_000),
    "deep objects": body_of(b'{"a":' * 300_000),
    "two gigabytes claimed": f"{HEAD}Content-Length: 2147483648\r\n\r\n".encode() + BODY,
    "beyond any length": f"{HEAD}Content-Length: {'9' * 40}\r\n\r\n".encode() + BODY,
    "negative length": f"{HEAD}Content-Length: -1\r\n\r\n".encode() + BODY,
    "two lengths": f"{HEAD}Content-Length: 14\r\nContent-Length: 20\r\n\r\n".encode() + BODY,
    "length with a space": f"{HEAD}Content-Length : 14\r\n\r\n".encode() + BODY,
    "a chunk of any size": f"{HEAD}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n".encode(),
    "header without end": f"{HEAD}X-Long: {'a' * 2_000_000}".encode(),
    "bomb": body_of(gzip.compress(b" " * 100_000_000), "Content-Encoding: gzip"),
    "truncated gzip": body_of(gzip.compress(BODY)[:-6], "Content-Encoding: gzip"),
    "shape of any size": body_of(
        b'{"inputs":[{"name":"distance","shape":[9223372036854775807],"datatype":"FP64","data":[]}]}'
    ),
    "binary beyond the body": body_of(
        json.dumps(
            {
                "inputs": [
                    {
                        "name": "distance",
                        "shape": [2**40],
                        "datatype": "FP64",
                        "parameters": {"binary_data_size": 2**43},
                    }
                ]
            }
        ).encode(),
        "Inference-Header-Content-Length: 134",
    ),
}


def answer_to(url: str, sent: bytes) -> bytes:
    """All that comes back until nothing more does."""
    address = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
    with socket.create_connection(address, 10) as caller:
        received = b""
        # It may be refused, and the door shut, before all of it was there.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            caller.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            while b"\r\n\r\n" not in received:
                part = caller.recv(65536)
                if not part:
                    break
                received += part
        return received


def test_hostile_requests_are_refused_within_bounds(start_server, make_package, one_champion, ask):
    server = start_server(one_champion(make_package()))
    assert server.infer(ask()).status_code == 200
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    for name, sent in HOSTILE.items():
        received = answer_to(server.url, sent)
        # A server may hang up on what is no HTTP; what it says has to be a refusal.
        assert received[:10] in (b"HTTP/1.1 4", b""), (name, received[:200])
        assert b"Traceback" not in received, name
        assert server.infer(ask()).status_code == 200, name
    assert process.memory_info().rss - before < 80_000_000


SMUGGLED = {
    "Content-Length: 14\r\nTransfer-Encoding: chunked\r\n": CHUNKED,
    "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n": CHUNKED,
    "Transfer-Encoding: xchunked\r\nContent-Length: 14\r\n": BODY,
}


def test_no_request_is_smuggled_behind_another(start_server, make_package, one_champion):
    server = start_server(one_champion(make_package()))
    for headers, content in SMUGGLED.items():
        received = answer_to(server.url, f"{HEAD}{headers}\r\n".encode() + content + HIDDEN)
        assert received[:10] in (b"HTTP/1.1 4", b""), (headers, received[:300])
