"""Every endpoint of the protocol against those who may not, and against input that means harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from millwright.kernel.access import Actor, Permission, Role
from millwright.kernel.errors import Unauthenticated
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.server.rooms import mlflow_endpoints

MINE = (
    "registered-models",
    "model-versions",
    "webhooks",
    "logged-models",
    "traces",
    "mlflow-artifacts",
    "artifacts/",
    "/v1/traces",
    "/get-artifact",
    "/model-versions",
    "upload-artifact",
    "get-trace-artifact",
)
ENDPOINTS = sorted(
    {
        (endpoint.method, endpoint.path, endpoint.permission)
        for endpoint in mlflow_endpoints()
        if any(part in endpoint.path for part in MINE)
    }
)
NAMES = {
    "path:path": "a/b",
    "rest:path": "a",
    "tag_key:path": "k",
    "number": "1",
    "upload": "u" * 43,
}
ROLES = {"viewer": Role.VIEWER, "editor": Role.EDITOR, "operator": Role.OPERATOR}


def known(request: Request, _: Store) -> Actor:
    """Who is behind a token that names a role."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token not in ROLES:
        raise Unauthenticated("access.token", "Say who you are.")
    return Actor(token, ROLES[token])


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from starlette.testclient import TestClient

    from millwright.server.application import create_app
    from millwright.server.opening import open_store

    store = open_store(Workspace(Path(tmp_path_factory.mktemp("guarded"))))
    app = create_app(store, authenticate=known)
    yield TestClient(app, raise_server_exceptions=False)
    store.close()


def url_of(path: str) -> str:
    filled = path
    while "{" in filled:
        name = filled[filled.index("{") + 1 : filled.index("}")]
        filled = filled.replace("{" + name + "}", NAMES.get(name, "x1"))
    return filled if filled.startswith("/") else f"/api/2.0/mlflow/{filled}"


def events(client: Any) -> int:
    with client.app.state.store.read() as connection:
        from millwright.kernel import events as log

        return len(log.read(connection, limit=10_000))


def ask(client: Any, method: str, path: str, token: str | None, body: bytes) -> httpx.Response:
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    answer: httpx.Response = client.request(method, url_of(path), content=body, headers=headers)
    return answer


@pytest.mark.parametrize(
    ("method", "path", "permission"), ENDPOINTS, ids=[f"{m} {p}" for m, p, _ in ENDPOINTS]
)
def test_who_may_not_is_told_so_and_changes_nothing(
    guarded: Any, method: str, path: str, permission: Permission
) -> None:
    if permission is Permission.PUBLIC:
        answer = ask(guarded, method, path, None, b"x")
        assert answer.status_code in (200, 404)
        return
    before = events(guarded)
    assert ask(guarded, method, path, None, b"{}").status_code == 401
    for token, role in ROLES.items():
        if not Actor(token, role).may(permission):
            answer = ask(guarded, method, path, token, b"{}")
            assert answer.status_code == 403, answer.text
            assert answer.json()["error_code"] == "PERMISSION_DENIED"
    assert events(guarded) == before


HARM = {
    "not json": b"{",
    "array": b"[]",
    "deep": b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "numbers": b'{"name": 5, "key": [], "version": {}, "tags": 7, "experiment_id": {}, "trace": 1}',
    "nul": b'{"name": "a\\u0000b", "key": "k\\u0000", "filter": "name = \'a\\u0000\'", '
    b'"experiment_id": "\\u0000", "trace_ids": ["\\u0000"], "alias": "\\u0000"}',
    "surrogate": b'{"name": "\\ud800", "key": "\\udfff", "value": "\\ud800"}',
    "sql": b'{"name": "x\'; DROP TABLE models; --", "filter": "name = \'x\'; DROP TABLE models", '
    b'"order_by": ["name; DROP TABLE models"], "experiment_ids": ["0"]}',
    "huge numbers": b'{"name": "x", "version": "99999999999999999999999999", '
    b'"max_results": 99999999999999999999, "timestamp_ms": 1e400, "experiment_id": "0"}',
    "many": b'{"name": "x", "tags": [' + b'{"key":"k","value":"v"},' * 2_000 + b'{"key":"z"}]}',
    "token": b'{"name": "x", "page_token": "eyJvZmZzZXQiOiAtMX0=", "locations": [5], '
    b'"experiment_ids": ["0"]}',
    "unicode": '{"name": "\u202eabc", "key": "\u2028", "value": "x"}'.encode(),
}


@pytest.mark.parametrize("harm", sorted(HARM))
def test_harmful_bodies_get_a_4xx_or_an_answer_and_never_a_5xx(guarded: Any, harm: str) -> None:
    ROLES["admin"] = Role.ADMIN
    try:
        for method, path, _ in ENDPOINTS:
            if method == "GET":
                continue
            answer = ask(guarded, method, path, "admin", HARM[harm])
            allowed = answer.status_code < 500 or answer.json()["error_code"] == "NOT_IMPLEMENTED"
            assert allowed, (method, path, answer.status_code, answer.text[:300])
            assert "Traceback" not in answer.text
            assert "sqlalchemy" not in answer.text.lower()
    finally:
        del ROLES["admin"]


QUERIES = [
    "name=%00&version=%00&path=%00&run_id=%00&request_id=%00&trace_id=%00&filter=%00",
    "name=a&version=99999999999999999999&path=../x&run_id=../x&trace_ids=x",
    "filter=name%20%3D&max_results=-1&page_token=zzz&order_by=;",
    "filter=name%3D%27a%27%20AND%20" * 300,
    "experiment_ids=0&filter=" + "tag.a%3D%27b%27%20AND%20" * 200 + "tag.a%3D%27b%27",
    "max_results=abc&experiment_ids=0",
]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_harmful_queries_get_a_4xx_or_an_answer_and_never_a_5xx(guarded: Any, query: str) -> None:
    ROLES["admin"] = Role.ADMIN
    try:
        for method, path, _ in ENDPOINTS:
            if method != "GET":
                continue
            answer = guarded.get(
                f"{url_of(path)}?{query}", headers={"authorization": "Bearer admin"}
            )
            allowed = answer.status_code < 500 or answer.json()["error_code"] == "NOT_IMPLEMENTED"
            assert allowed, (path, answer.status_code, answer.text[:300])
    finally:
        del ROLES["admin"]


def test_what_is_not_implemented_says_so(guarded: Any) -> None:
    for path in ("gateway/endpoints/list", "scorers/online-config", "issues/x", "workspaces"):
        answer = guarded.get(f"/api/3.0/mlflow/{path}", headers={"authorization": "Bearer viewer"})
        assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
