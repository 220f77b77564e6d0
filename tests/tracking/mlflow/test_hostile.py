"""Hostile requests: the right refusal in MLflow's form, no error of ours, and nothing changed."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest

from millwright.kernel.access import LOCAL, Role
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from mlflow_server import Served, serving

DEEP = "[" * 200_000 + "]" * 200_000
ROUTES = (
    "experiments/create",
    "experiments/update",
    "experiments/delete",
    "experiments/search",
    "experiments/set-experiment-tag",
    "runs/create",
    "runs/update",
    "runs/delete",
    "runs/log-metric",
    "runs/log-batch",
    "runs/log-parameter",
    "runs/set-tag",
    "runs/delete-tag",
    "runs/log-inputs",
    "runs/outputs",
    "runs/log-model",
    "runs/search",
)


def raw(served: Served, path: str, content: bytes, **headers: str) -> httpx.Response:
    given = {"content-type": "application/json", **headers}
    return served.http.post(f"{served.url}/api/2.0/mlflow/{path}", content=content, headers=given)


def state(served: Served) -> tuple[Any, ...]:
    from sqlalchemy import text

    with served.store.read() as connection:
        return tuple(
            connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar()
            for table in (
                "experiments",
                "runs",
                "run_metrics",
                "run_params",
                "run_tags",
                # The points of a moment ago may be summed up in the log at any time.
                "events WHERE kind <> 'run.metrics-logged'",
            )
        )


@pytest.mark.parametrize("path", ROUTES)
def test_what_is_no_usable_json_is_refused_in_mlflows_form(served: Served, path: str) -> None:
    served.run()
    before = state(served)
    bodies = (
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        DEEP.encode(),
        json.dumps({"run_id": {"$ne": ""}, "experiment_id": [], "key": 1, "filter": {}}).encode(),
        json.dumps({"run_id": "x' OR '1'='1", "experiment_id": "0 OR 1=1", "key": "k"}).encode(),
    )
    for body in bodies:
        answer = raw(served, path, body)
        if path in ("experiments/search", "runs/search", "runs/create") and answer.is_success:
            continue
        assert 400 <= answer.status_code < 500, (body[:80], answer.text)
        assert {"error_code", "message"} <= set(answer.json())
    if path != "runs/create":
        assert state(served) == before


def test_names_and_values_that_databases_stumble_over_are_refused(served: Served) -> None:
    run = served.run()
    before = state(served)
    far = {"run_id": run, "key": "k", "value": "1", "timestamp": 10**30}
    assert served.post("runs/log-metric", far).status_code == 400
    for key in (
        "../../etc/passwd",
        "/abs",
        "a/../b",
        "a//b",
        ".",
        "..",
        "a\x00b",
        "a\nb",
        "k" * 251,
    ):
        for path, body in (
            ("runs/log-metric", {"key": key, "value": 1, "timestamp": 1}),
            ("runs/log-parameter", {"key": key, "value": "1"}),
            ("runs/set-tag", {"key": key, "value": "1"}),
        ):
            assert served.post(path, {"run_id": run, **body}).status_code == 400, (path, key)
    for value in ("a\x00b",):
        body = {"run_id": run, "key": "k", "value": value}
        assert served.post("runs/set-tag", body).status_code == 400
        assert served.post("experiments/create", {"name": value}).status_code == 400
    assert raw(served, "experiments/create", b'{"name": "\\ud800"}').status_code == 400
    for location in (
        "s3://b/?x",
        "s3://b/#x",
        "s3://b/%2e%2e/x",
        "s3://b/..",
        "runs:/x",
        "s3://b/;x",
    ):
        body = {"name": "n", "artifact_location": location}
        assert served.post("experiments/create", body).status_code == 400, location
    assert state(served) == before
    tricky = "\u202ereversed \u00fc\u0308 \U0001f98a"
    assert served.post("runs/set-tag", {"run_id": run, "key": "k", "value": tricky}).is_success
    read = served.get("runs/get", run_id=run).json()["run"]["data"]["tags"]
    assert {"key": "k", "value": tricky} in read


def test_oversize_batches_are_refused(served: Served) -> None:
    run = served.run()
    before = state(served)
    point = {"key": "m", "value": 1, "timestamp": 1}
    pair = {"key": "k", "value": "v"}
    for body, words in (
        ({"metrics": [point] * 1001}, "at most 1000 metrics"),
        ({"params": [{**pair, "key": f"k{i}"} for i in range(101)]}, "at most 100 params"),
        ({"tags": [pair] * 101}, "at most 100 tags"),
        ({"params": [pair, pair]}, "Duplicate parameter keys"),
        ({"metrics": [point] * 999, "tags": [pair] * 2}, "metrics, params, and tags"),
        ({"tags": [{"key": "k", "value": "x" * 1_100_000}]}, "at most 1000000 bytes"),
    ):
        answer = served.post("runs/log-batch", {"run_id": run, **body})
        assert answer.status_code == 400
        assert words in answer.json()["message"]
    assert state(served) == before


def test_a_body_of_200_megabytes_does_not_tie_up_the_others(served: Served) -> None:
    run = served.run()
    refused: list[int] = []

    def pieces() -> Any:
        block = b"[" + b"1," * (1 << 19)
        for _ in range(200):
            yield block

    def send() -> None:
        try:
            with httpx.Client(timeout=60) as http:
                answer = http.post(
                    f"{served.url}/api/2.0/mlflow/runs/log-batch",
                    content=pieces(),
                    headers={"content-type": "application/json"},
                )
                refused.append(answer.status_code)
        except httpx.TransportError:
            # The server answered and hung up before it had been told everything.
            refused.append(413)

    sender = threading.Thread(target=send)
    sender.start()
    slowest = 0.0
    while sender.is_alive():
        began = time.perf_counter()
        body = {"run_id": run, "key": "m", "value": 1, "timestamp": 1}
        assert served.post("runs/log-metric", body).is_success
        slowest = max(slowest, time.perf_counter() - began)
    sender.join()
    assert refused == [413]
    assert slowest < 5
    assert claiming(served, 209_715_200) == 413


def claiming(served: Served, size: int) -> int:
    """The answer to a request that says how large it is and sends nothing yet."""
    host, _, path = served.url.removeprefix("http://").partition("/")
    connection = HTTPConnection(host, timeout=30)
    connection.putrequest("POST", f"/{path}/api/2.0/mlflow/runs/log-batch")
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", str(size))
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


def test_pages_of_other_origins_change_nothing(served: Served) -> None:
    before = state(served)
    for headers in (
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"origin": "https://evil.example"},
        {"host": "evil.example"},
    ):
        answer = raw(served, "experiments/create", b'{"name": "x"}', **headers)
        assert answer.status_code in (400, 403)
        assert {"error_code", "message"} <= set(answer.json())
    assert state(served) == before


def test_one_project_does_not_see_or_touch_the_runs_of_another(served: Served) -> None:
    run = served.run()
    other = served.url.replace(served.project, "elsewhere")
    assert served.http.get(f"{other}/api/2.0/mlflow/runs/get?run_id={run}").status_code == 404
    for path, more in (
        ("runs/delete", {}),
        ("runs/update", {"status": "FINISHED"}),
        ("runs/set-tag", {"key": "a", "value": "b"}),
        ("runs/log-metric", {"key": "a", "value": 1, "timestamp": 1}),
    ):
        body = {"run_id": run, **more}
        answer = served.http.post(f"{other}/api/2.0/mlflow/{path}", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_unknown_endpoints_and_hidden_ones_are_said_to_be_none(served: Served) -> None:
    for method, path in (
        ("POST", "runs/drop-all"),
        ("GET", "runs/create"),
        ("DELETE", "runs/get"),
        ("POST", "../../../api/v1/tokens"),
    ):
        answer = served.http.request(
            method, f"{served.url}/api/2.0/mlflow/{path}", json={} if method == "POST" else None
        )
        assert answer.status_code == 404


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that asks for tokens, and one token of each role."""
    from millwright.security import authentication, service
    from millwright.security.records import TokenRequest
    from millwright.server import application
    from millwright.server.opening import open_store

    folder = tmp_path_factory.mktemp("guarded")
    store: Store = open_store(Workspace(folder))
    tokens = {
        role: service.create_token(store, LOCAL, TokenRequest(name=f"t-{role}", role=role)).secret
        for role in (Role.VIEWER, Role.EDITOR)
    }
    store.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            application.create_app,
            "__kwdefaults__",
            {"authenticate": authentication.token_holder, "hosts": ()},
        )
        yield from ((url, tokens) for url, _ in serving(folder))


def test_every_endpoint_asks_who_one_is_and_writing_for_more_than_reading(guarded: Any) -> None:
    from millwright.kernel.access import Permission
    from millwright.server.rooms import mlflow_endpoints

    url, tokens = guarded
    with httpx.Client(timeout=30) as http:
        for endpoint in mlflow_endpoints():
            if "{" in endpoint.path or endpoint.permission is Permission.PUBLIC:
                continue
            path = endpoint.path if endpoint.path[0] == "/" else f"/api/2.0/mlflow/{endpoint.path}"
            body = b"{}" if endpoint.method != "GET" else None
            headers = {"content-type": "application/json"}
            answer = http.request(endpoint.method, url + path, content=body, headers=headers)
            assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
            if endpoint.permission is not Permission.READ:
                headers["authorization"] = f"Bearer {tokens[Role.VIEWER]}"
                answer = http.request(endpoint.method, url + path, content=body, headers=headers)
                assert (answer.status_code, answer.json()["error_code"]) == (
                    403,
                    "PERMISSION_DENIED",
                ), endpoint.path


def test_tokens_come_as_bearer_or_as_the_password(guarded: Any) -> None:
    url, tokens = guarded
    create = f"{url}/api/2.0/mlflow/experiments/create"
    with httpx.Client(timeout=30) as http:
        bearer = {"authorization": f"Bearer {tokens[Role.EDITOR]}"}
        assert http.post(create, json={"name": "a"}, headers=bearer).is_success
        basic = http.post(create, json={"name": "b"}, auth=("me", tokens[Role.EDITOR]))
        assert basic.is_success
        for auth in (("me", "wrong"), (tokens[Role.EDITOR], ""), ("", "")):
            assert http.post(create, json={"name": "c"}, auth=auth).status_code == 401
