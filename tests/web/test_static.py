"""How the built UI is served: what is cached, what may run, and what never leaves the folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from millwright.server.static import mount_ui

PAGE = '<!doctype html><meta property="csp-nonce" nonce="__MW_NONCE__"><div id="root"></div>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = tmp_path / "ui"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(PAGE)
    (built / "theme.js").write_text("theme")
    (built / "assets" / "main-abc.js").write_text("plain")
    (built / "assets" / "main-abc.js.br").write_bytes(b"brotli")
    (built / "assets" / "main-abc.js.gz").write_bytes(b"gzip")
    (tmp_path / "secret.txt").write_text("not for everyone")
    return built


@pytest.fixture
def client(folder: Path) -> TestClient:
    app = FastAPI()

    @app.get("/api/v1/health")
    def health() -> str:
        return "ok"

    mount_ui(app, folder)
    return TestClient(app)


@pytest.mark.parametrize("path", ["/", "/runs", "/models/flights/3", "/index.html", "/data/a.b"])
def test_every_client_route_answers_with_the_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert 'id="root"' in answer.text


def test_only_styles_with_the_nonce_of_this_answer_may_run(client: TestClient) -> None:
    first, second = client.get("/"), client.get("/")
    policy = first.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([\w-]+)'", policy)
    assert nonce is not None
    assert f'nonce="{nonce[1]}"' in first.text
    assert nonce[1] not in second.text
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert first.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepted", "encoding", "content"),
    [("gzip, br", "br", b"brotli"), ("gzip", "gzip", b"gzip"), ("identity", None, b"plain")],
)
def test_hashed_files_are_kept_for_good_and_sent_compressed(
    client: TestClient, accepted: str, encoding: str | None, content: bytes
) -> None:
    with client.stream(
        "GET", "/assets/main-abc.js", headers={"accept-encoding": accepted}
    ) as answer:
        assert b"".join(answer.iter_raw()) == content
        assert answer.headers.get("content-encoding") == encoding
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["vary"] == "accept-encoding"
        assert "javascript" in answer.headers["content-type"]


def test_files_without_a_hash_in_their_name_are_checked_again(client: TestClient) -> None:
    assert client.get("/theme.js").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/v2/models/x/infer", "/assets/gone-1.js"])
def test_unknown_paths_of_the_api_and_missing_assets_are_errors(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "http.unknown_path"


@pytest.mark.parametrize(
    "path", ["/..%2fsecret.txt", "/assets/..%2f..%2fsecret.txt", "/%2e%2e/secret.txt", "/a%00b"]
)
def test_nothing_outside_the_folder_is_served(client: TestClient, path: str) -> None:
    assert "not for everyone" not in client.get(path).text


def test_changes_are_refused(client: TestClient) -> None:
    assert client.post("/runs", json={}).status_code == 405


def test_without_a_built_ui_a_page_says_how_to_build_it(tmp_path: Path) -> None:
    app = FastAPI()
    mount_ui(app, tmp_path / "none")
    answer = TestClient(app).get("/runs")
    assert answer.status_code == 200
    assert "npm --prefix web run build" in answer.text
