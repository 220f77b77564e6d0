"""Values that databases, paths and shells stumble over, given to every route that there is.

The routes are the application's own, so a new one is asked as soon as it is declared; the bodies are
made from what each route says that it takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from sqlalchemy import text

from each_database import each_database, postgres_template  # noqa: F401
from millwright.kernel.workspace import Workspace
from millwright.server.application import Application, create_app
from millwright.server.opening import open_store
from millwright.server.rooms import mlflow_endpoints, routers

JSON = {"content-type": "application/json"}
PLACES = (
    "a%00b",
    "..",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252f%252e%252e%252fetc%252fpasswd",
    "..%5c..%5cetc%5cpasswd",
    "%ED%A0%80",
    quote("\u202eevil\u200b' OR '1'='1' --"),
    "9" * 40,
)
VALUES: tuple[Any, ...] = ("a\x00b", "\ud800", "../../etc/passwd", "s3://b/%2e%2e?a#b;c", 10**30)
LEAKS = ("Traceback", "root:x", "sqlite3", "psycopg", "site-packages")

ON_EACH = pytest.mark.parametrize(
    "each_database",
    # PostgreSQL refuses more than SQLite does.
    ["postgresql", pytest.param("sqlite", marks=pytest.mark.slow)],
    indirect=True,
)


class Walk:
    """A server with something of everything, asked request by request."""

    def __init__(self, app: Application) -> None:
        self.store = app.state.store
        self.http = TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 50000))
        self.known = {"project": "mine", "model": "mm", "name": "mm", "version": "1"}
        self.fill()

    def fill(self) -> None:
        config = {"config": "project: mine\ndata: {source: a.csv, target: y}\n"}
        assert self.http.put("/api/v1/projects/mine", json=config).is_success
        api = "/api/2.0/mlflow"
        run = self.http.post(f"{api}/runs/create", json={"experiment_id": "0"}).json()["run"]
        self.known["run"] = self.known["run_id"] = run["info"]["run_id"]
        self.http.post(f"{api}/registered-models/create", json={"name": "mm"})
        self.http.post(f"{api}/model-versions/create", json={"name": "mm", "source": "s3://b/m"})

    def filled(self, path: str, other: dict[str, str] | None = None) -> str:
        values = {**self.known, **(other or {})}
        return re.sub(r"\{(\w+)(?::path)?\}", lambda part: values.get(part[1], "x"), path)

    def events(self) -> int:
        with self.store.read() as connection:
            query = "SELECT COUNT(*) FROM events WHERE kind <> 'run.metrics-logged'"
            return int(connection.execute(text(query)).scalar_one())

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask, and hold the answer to what every answer must be."""
        before = self.events()
        content = None if method == "GET" else json.dumps({} if body is None else body).encode()
        answer: httpx.Response = self.http.request(
            method, path, content=content, headers=JSON | headers
        )
        asked = (method, path[:200], str(body)[:300], answer.status_code, answer.text[:300])
        assert answer.status_code < 500 or answer.status_code == 501, asked
        assert not any(leak in answer.text for leak in LEAKS), asked
        if answer.status_code >= 400:
            told = answer.json()
            assert "error" in told or {"error_code", "message"} <= set(told), asked
            assert self.events() == before, asked
        return answer


@pytest.fixture
def walk(
    each_database: str,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Walk]:
    monkeypatch.setenv("MILLWRIGHT_PROJECT", "mine")
    store = open_store(Workspace(tmp_path))
    yield Walk(create_app(store))
    store.close()


def declared() -> Iterator[tuple[str, APIRoute]]:
    """Every route of every room but the one that never ends."""
    for router in routers():
        for route in router.routes:
            if isinstance(route, APIRoute) and not route.path.endswith("/events/stream"):
                yield next(iter(route.methods)), route


@ON_EACH
def test_no_part_of_a_path_and_no_argument_upsets_a_route(walk: Walk) -> None:
    for number, (method, route) in enumerate(declared()):
        parts = re.findall(r"\{(\w+)", route.path)
        # Each route gets some of the values; over all routes each kind of part gets all of them.
        chosen = {PLACES[0], PLACES[1 + number % (len(PLACES) - 1)]}
        for place in chosen:
            for part in parts:
                walk.ask(method, walk.filled(route.path, {part: place}))
            arguments = "&".join(f"{p.alias}={place}" for p in route.dependant.query_params)
            if arguments:
                walk.ask(method, f"{walk.filled(route.path)}?{arguments}")
    for endpoint in mlflow_endpoints():
        path = endpoint.path if endpoint.path[0] == "/" else f"/api/2.0/mlflow/{endpoint.path}"
        for part in re.findall(r"\{(\w+)", path):
            for place in PLACES[:5]:
                walk.ask(endpoint.method, walk.filled(path, {part: place}))


@ON_EACH
def test_no_value_in_a_body_upsets_a_route(walk: Walk) -> None:
    found = list(declared())
    schema = get_openapi(title="", version="", routes=[route for _, route in found])
    for method, route in found:
        described = schema["paths"][route.path_format][method.lower()].get("requestBody", {})
        kind = described.get("content", {}).get("application/json", {}).get("schema")
        if kind is None:
            continue
        whole = example(schema, kind)
        for broken in spoilt(whole):
            walk.ask(method, walk.filled(route.path), broken)


@pytest.mark.parametrize("each_database", ["sqlite"], indirect=True)
def test_a_page_of_another_origin_changes_nothing_on_any_route(walk: Walk) -> None:
    places = [(method, walk.filled(route.path)) for method, route in declared()]
    for endpoint in mlflow_endpoints():
        path = endpoint.path if endpoint.path[0] == "/" else f"/api/2.0/mlflow/{endpoint.path}"
        places.append((endpoint.method, walk.filled(path)))
    for method, path in places:
        evil = walk.ask(method, path, origin="https://evil.example")
        assert evil.status_code == 403, (method, path)
        if method == "POST":
            plain = walk.http.post(path, content=b"{}", headers={"content-type": "text/plain"})
            assert plain.status_code == 400, (method, path)


def example(schema: dict[str, Any], kind: dict[str, Any], depth: int = 0) -> Any:
    """Something that a JSON schema might let through, with every field of its objects."""
    if "$ref" in kind:
        kind = schema["components"]["schemas"][kind["$ref"].rpartition("/")[2]]
    for choice in kind.get("anyOf", kind.get("oneOf", ())):
        if choice.get("type") != "null":
            return example(schema, choice, depth)
    if "enum" in kind or "const" in kind:
        return kind.get("const", kind.get("enum", [None])[0])
    if kind.get("type") == "object" and depth < 4:
        fields = kind.get("properties", {}).items()
        return {name: example(schema, field, depth + 1) for name, field in fields}
    if kind.get("type") == "array" and depth < 3:
        return [example(schema, kind.get("items", {}), depth + 1)]
    return {"integer": 1, "number": 1.0, "boolean": False, "object": {}, "array": []}.get(
        str(kind.get("type")), "x"
    )


def spoilt(whole: Any) -> Iterator[Any]:
    """Nothing; a hostile value for all texts, or all numbers; and one of them in each field."""
    yield from ({}, [])
    for value in VALUES:
        yield spoil(whole, value)
    for number, name in enumerate(whole if isinstance(whole, dict) else ()):
        for value in ("a\x00b", VALUES[number % len(VALUES)]):
            if (changed := spoil(whole[name], value)) != whole[name]:
                yield {**whole, name: changed}


def spoil(body: Any, value: Any) -> Any:
    """The same with a value in place of each that it could stand for."""
    if isinstance(body, dict):
        return {name: spoil(each, value) for name, each in body.items()}
    if isinstance(body, list):
        return [spoil(each, value) for each in body]
    fits = isinstance(body, str) if isinstance(value, str) else type(body) in (int, float)
    return value if fits else body
