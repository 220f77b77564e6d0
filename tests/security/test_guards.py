"""What a browser can be made to send to a server on its own machine is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from millwright.kernel.store import Store
from millwright.server.application import create_app

pytestmark = pytest.mark.core

LOOPBACK = ("127.0.0.1", 50000)
CONFIG = "project: p\ndata: {source: a.csv, target: y}\n"


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    address = "http://127.0.0.1:8321"
    with TestClient(create_app(store), base_url=address, client=LOOPBACK) as opened:
        yield opened


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8321", "127.0.0.1.evil.example", "[::2]:80", "10.0.0.7"]
)
def test_a_rebound_name_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/api/v1/projects", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "http.host"


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "127.0.0.1:8321", "[::1]:8321"])
def test_the_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/v1/projects", headers={"host": host}).status_code == 200


def test_a_name_that_was_allowed_is_answered(store: Store) -> None:
    with TestClient(create_app(store, hosts=["millwright.lan"])) as client:
        headers = {"host": "millwright.lan:8321"}
        assert client.get("/api/v1/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8321"]
)
def test_another_origin_is_refused(client: TestClient, origin: str) -> None:
    answer = client.get("/api/v1/projects", headers={"origin": origin})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "http.origin"


def test_the_own_origin_is_answered(client: TestClient) -> None:
    headers = {"origin": "http://127.0.0.1:8321"}
    assert client.get("/api/v1/projects", headers=headers).status_code == 200
    assert "access-control-allow-origin" not in client.get("/api/v1/projects").headers


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "",
    ],
)
def test_a_change_in_a_form_that_browsers_send_unasked_is_refused(
    client: TestClient, kind: str
) -> None:
    answer = client.put(
        "/api/v1/projects/p", content=b'{"config": "x"}', headers={"content-type": kind}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "http.content_type"
    assert client.get("/api/v1/projects").json() == []


def test_stored_bytes_are_downloads_that_no_browser_runs(client: TestClient) -> None:
    assert client.put("/api/v1/projects/p", json={"config": CONFIG}).is_success
    page = b"<script>alert(document.cookie)</script>"
    headers = {"content-type": "application/octet-stream"}
    stored = client.put("/api/v1/projects/p/objects", content=page, headers=headers).json()
    answer = client.get(f"/api/v1/projects/p/objects/{stored['digest']}")
    assert answer.content == page
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "html" not in answer.headers["content-type"]


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "..", "%00", "etc/passwd", "A" * 64])
def test_no_text_becomes_a_path(client: TestClient, name: str) -> None:
    answer = client.get(f"/api/v1/projects/p/objects/{name}")
    assert answer.status_code in {400, 404, 405}
    assert b"root:" not in answer.content


def test_a_request_that_claims_to_be_huge_is_refused_unread(client: TestClient) -> None:
    headers = {"content-type": "application/json", "content-length": str(10**12)}
    answer = client.put("/api/v1/projects/p", content=b"{}", headers=headers)
    assert answer.status_code == 413


def test_a_body_that_does_not_end_is_cut_off_at_the_limit(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("millwright.server.guards._MAX_JSON_BYTES", 1000)

    def endless() -> Iterator[bytes]:
        for _ in range(10):
            yield b" " * 400

    headers = {"content-type": "application/json"}
    answer = client.put("/api/v1/projects/p", content=endless(), headers=headers)

    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "http.too_large"
