"""Roles in single projects: what a token may do in one says nothing about any other.

Everything is asked of every route: what is in the other project is neither shown nor changed, and
what the caller may not see is answered like what is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from millwright import security
from millwright.kernel import events
from millwright.kernel.access import LOCAL, Permission, Role
from millwright.kernel.routing import Reach
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.security.records import TokenRequest
from millwright.server.application import create_app
from millwright.server.opening import open_store
from millwright.server.rooms import mlflow_endpoints, routers

MARK = "sesame"
"""Stands in everything that the other project holds."""
EVERYWHERE = {
    ("GET", "/api/v1/projects"),
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/events/stream"),
    ("GET", "/api/v1/whoami"),
    ("POST", "/api/v1/lineage"),
    ("POST", "/api/v1/datasets/journal"),
}
"""Routes that answer for the projects that the caller may see. A new one is tested below first."""
ROUTES = [
    (next(iter(route.methods)), route.path, route.permission, route.reach)  # type: ignore[attr-defined]
    for router in routers()
    for route in router.routes
    if isinstance(route, APIRoute)
]
OF_PROJECTS = [
    (method, path)
    for method, path, permission, _ in ROUTES
    if "{project}" in path and permission is not Permission.PUBLIC
]


class Two:
    """A server with two projects, who may do everything in one of them, and what is in the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        app = create_app(store, authenticate=security.token_holder)
        self.http = TestClient(app, raise_server_exceptions=False)
        self.admin = self.token("admin", Role.ADMIN)
        self.guest = self.token("guest", Role.GUEST, mine=Role.ADMIN)
        self.known: dict[str, str] = {}

    def token(self, name: str, role: Role, **projects: Role) -> str:
        request = TokenRequest(name=name, role=role, projects=projects)
        return security.create_token(self.store, LOCAL, request).secret

    def ask(
        self, method: str, path: str, token: str, body: Any = None, **options: Any
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", **options.pop("headers", {})}
        content = {} if body is None and method != "GET" else body
        answer: httpx.Response = self.http.request(
            method, path, json=content, headers=headers, **options
        )
        return answer

    def mlflow(self, path: str, body: Any) -> Any:
        place = f"/projects/theirs/mlflow/api/3.0/mlflow/{path}"
        answer = self.ask("POST", place, self.admin, body)
        assert answer.is_success, answer.text
        return answer.json()

    def filled(self, path: str, project: str) -> str:
        """A path with what the other project holds for its parts."""
        values = {"project": project, **self.known}
        return re.sub(r"\{(\w+)(?::path)?\}", lambda m: values.get(m[1], MARK), path)

    def seen(self) -> int:
        """How often something happened in the other project."""
        with self.store.read() as connection:
            return len(events.read(connection, project="theirs", limit=10_000))

    def refused(self, answer: httpx.Response) -> None:
        assert answer.status_code in (401, 403, 404), answer.text
        asked = str(answer.request.url)
        assert MARK not in answer.text or MARK in asked, answer.text


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLWRIGHT_PROJECT", "mine")
        store = open_store(Workspace(Path(tmp_path_factory.mktemp("two"))))
        made = Two(store)
        for project in ("mine", "theirs"):
            text = f"project: {project}\ndata: {{source: a.csv, target: y}}\n"
            made.ask("PUT", f"/api/v1/projects/{project}", made.admin, {"config": text})
        fill(made)
        yield made
        store.close()


def fill(two: Two) -> None:
    """Put something of everything into the other project."""
    experiment = two.mlflow("experiments/create", {"name": MARK})["experiment_id"]
    run = two.mlflow("runs/create", {"experiment_id": experiment, "run_name": MARK})
    run = run["run"]["info"]["run_id"]
    two.mlflow(
        "runs/log-batch",
        {
            "run_id": run,
            "metrics": [{"key": MARK, "value": 1, "timestamp": 1, "step": 0}],
            "params": [{"key": MARK, "value": MARK}],
            "tags": [{"key": MARK, "value": MARK}],
        },
    )
    two.mlflow("registered-models/create", {"name": MARK})
    two.mlflow("model-versions/create", {"name": MARK, "source": f"s3://{MARK}/m", "run_id": run})
    two.mlflow("registered-models/alias", {"name": MARK, "version": "1", "alias": MARK})
    model = two.mlflow("logged-models", {"experiment_id": experiment, "name": MARK})
    hook = {"name": MARK, "url": "https://example.com/", "events": [registered()]}
    webhook = two.mlflow("webhooks", hook)["webhook"]["webhook_id"]
    content = {"content": MARK.encode(), "headers": {"content-type": "application/octet-stream"}}
    place = "/api/v1/projects/theirs/objects"
    headers = {"authorization": f"Bearer {two.admin}", **content["headers"]}  # type: ignore[dict-item]
    digest = two.http.put(place, content=MARK.encode(), headers=headers).json()["digest"]
    artifact = {"name": f"{MARK}.txt", "digest": digest, "media_type": "text/plain"}
    named = two.ask("POST", f"/api/v1/runs/{run}/artifacts", two.admin, artifact)
    assert named.is_success, named.text
    started = two.ask("POST", "/api/v1/projects/theirs/comments", two.admin, comment(run))
    assert started.is_success, started.text
    two.known = {
        "run": run,
        "run_id": run,
        "digest": digest,
        "experiment_id": experiment,
        "model_id": model["model"]["info"]["model_id"],
        "webhook_id": webhook,
        "comment": started.json()["id"],
        "model": MARK,
        "version": "1",
        "other": "1",
        "key": MARK,
        "alias": MARK,
        "path": f"{experiment}/{run}/artifacts/{MARK}.txt",
        "number": "1",
    }


def registered() -> dict[str, str]:
    return {"entity": "REGISTERED_MODEL", "action": "CREATED"}


def comment(run: str) -> dict[str, str]:
    return {"subject": f"run:{run}", "body": MARK}


def test_what_names_no_project_is_of_the_installation_or_known_to_leave_out(two: Two) -> None:
    open_to_guests = {(m, p) for m, p, _, reach in ROUTES if reach == Reach.PROJECTS.value}
    assert open_to_guests == EVERYWHERE


def test_no_route_of_another_project_opens(two: Two) -> None:
    before = two.seen()
    assert len(OF_PROJECTS) > 100
    for method, path in OF_PROJECTS:
        answer = two.ask(method, two.filled(path, "theirs"), two.guest)
        assert answer.status_code == 403, (method, path, answer.text)
        nowhere = two.ask(method, two.filled(path, "nowhere"), two.guest)
        assert nowhere.json() == answer.json(), "it shows which projects there are"
        two.refused(answer)
    assert two.seen() == before


def test_what_is_not_to_be_seen_is_answered_like_what_is_not_there(two: Two) -> None:
    before = two.seen()
    owned = [(m, p) for m, p, _, reach in ROUTES if "{project}" not in p and reach == "project"]
    assert len(owned) > 15
    for method, path in owned:
        unknown = "0" * len(two.known["run"])
        part = re.search(r"\{(\w+)", path)
        assert part is not None
        real = two.ask(method, two.filled(path, "mine"), two.guest)
        none = two.ask(
            method, two.filled(path.replace(f"{{{part[1]}}}", unknown), "mine"), two.guest
        )
        two.refused(real)
        assert (real.status_code, none.status_code) == (404, 404), (path, real.text, none.text)
        shown = real.text.replace(two.known["run"], unknown).replace(MARK, unknown)
        assert shown == none.text.replace(MARK, unknown)
    assert two.seen() == before


def test_what_belongs_to_the_installation_takes_a_role_everywhere(two: Two) -> None:
    closed = [(m, p) for m, p, _, reach in ROUTES if reach == Reach.INSTALLATION.value]
    assert ("POST", "/api/v1/tokens") in closed
    assert ("GET", "/api/v1/audit/verify") in closed
    for method, path in closed:
        if path != "/api/v1/health":
            answer = two.ask(method, two.filled(path, "mine"), two.guest)
            assert answer.status_code == 403, (path, answer.text)


def test_lists_of_everything_leave_out_what_is_not_to_be_seen(two: Two) -> None:
    for path in ("/api/v1/projects", "/api/v1/events?limit=1000", "/api/v1/whoami"):
        answer = two.ask("GET", path, two.guest)
        assert answer.is_success
        assert "theirs" not in answer.text, path
        assert MARK not in answer.text, path
    assert "theirs" in two.ask("GET", "/api/v1/projects", two.admin).text
    assert MARK in two.ask("GET", "/api/v1/events?limit=1000", two.admin).text
    hidden = two.ask("GET", "/api/v1/events?project=theirs", two.guest)
    assert hidden.json() == []
    job = {"namespace": "millwright/theirs", "name": "x"}
    event = {"eventTime": "2026-01-01T00:00:00Z", "run": {"runId": "0" * 32}, "job": job}
    sent = {**event, "eventType": "COMPLETE", "producer": "https://x/", "schemaURL": "https://x/"}
    before = two.seen()
    answer = two.ask("POST", "/api/v1/lineage?project=theirs", two.guest, sent)
    assert answer.status_code == 403, answer.text
    two.ask("POST", "/api/v1/lineage", two.guest, sent)
    assert two.seen() == before


def bodies(two: Two) -> dict[str, Any]:
    """Every field of the protocol that names something, naming what the other project holds."""
    known = two.known
    return {
        **known,
        "run_uuid": known["run"],
        "run_ids": [known["run"]],
        "experiment_ids": [known["experiment_id"]],
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": known}],
        "name": MARK,
        "new_name": f"{MARK}2",
        "experiment_name": MARK,
        "metric_key": MARK,
        "value": "x",
        "timestamp": 1,
        "stage": "Production",
        "source": f"runs:/{known['run']}/m",
        "params": [{"key": "a", "value": "b"}],
        "models": [{"model_id": known["model_id"], "step": 1}],
        "trace_ids": [MARK],
        "request_id": MARK,
        "status": "FINISHED",
        "max_results": 100,
    }


@pytest.mark.parametrize("way", ["path", "header"])
def test_no_mlflow_endpoint_of_another_project_opens(two: Two, way: str) -> None:
    before = two.seen()
    for endpoint in mlflow_endpoints():
        if endpoint.permission is Permission.PUBLIC:
            continue
        path = endpoint.path if endpoint.path[0] == "/" else f"/api/2.0/mlflow/{endpoint.path}"
        place = two.filled(path, "")
        headers = {"x-millwright-project": "theirs"} if way == "header" else {}
        start = "" if way == "header" else "/projects/theirs/mlflow"
        answer = two.ask(endpoint.method, start + place, two.guest, bodies(two), headers=headers)
        code = answer.json()["error_code"]
        assert (answer.status_code, code) == (403, "PERMISSION_DENIED"), path
    assert two.seen() == before


def test_mlflow_endpoints_of_ones_own_project_show_nothing_of_another(two: Two) -> None:
    before, told = two.seen(), []
    for endpoint in mlflow_endpoints():
        path = endpoint.path if endpoint.path[0] == "/" else f"/api/2.0/mlflow/{endpoint.path}"
        place = two.filled(path, "")
        query = {k: v for k, v in bodies(two).items() if isinstance(v, str)}
        query |= {"experiment_ids": two.known["experiment_id"], "trace_ids": MARK}
        answer = two.ask(endpoint.method, place, two.guest, bodies(two), params=query)
        assert answer.status_code < 500 or answer.status_code == 501, (path, answer.text)
        if "{model_id}" in path or "{webhook_id}" in path:
            assert answer.status_code in (400, 404), (path, answer.text)
        # What was asked may be named in the answer; what was logged may not.
        if answer.is_success and MARK in answer.text and not made_by_it(endpoint.path):
            told.append((endpoint.method, path, answer.text[:300]))
    assert told == []
    assert two.seen() == before
    run = two.ask("GET", f"/api/v1/runs/{two.known['run']}", two.admin).json()
    assert (run["status"], run["tags"]) == ("running", {MARK: MARK})


def made_by_it(path: str) -> bool:
    """Whether the guest's own request put the word into the guest's own project."""
    return not path.startswith(("runs/", "metrics/", "artifacts/", "/get-artifact", "traces"))


def test_questions_about_runs_of_another_project_find_none(two: Two) -> None:
    run, own = two.known["run"], "/api/v1/projects/mine"
    asked = [
        ("POST", "/runs/table", {"text": run}),
        ("POST", "/runs/table", {"experiments": [MARK]}),
        ("POST", "/runs/table/csv", {"text": run}),
        ("POST", "/runs/curves", {"runs": [run], "keys": [MARK]}),
        ("GET", f"/runs/comparison?runs={run}&runs={run}", None),
        ("GET", f"/runs/importance?metric={MARK}", None),
        ("GET", f"/runs?parent={run}", None),
        ("GET", f"/lineage?node=run:{run}", None),
        ("GET", f"/impact?node=run:{run}", None),
        ("GET", f"/objects/{two.known['digest']}", None),
        ("GET", f"/comments?subject=run:{run}", None),
        ("DELETE", f"/comments/{two.known['comment']}", None),
    ]
    before = two.seen()
    for method, path, body in asked:
        answer = two.ask(method, own + path, two.guest, body)
        # The name that was asked for may stand in the answer, what it has may not.
        shown = answer.text.replace(run, "").replace(f'"{MARK}"', "")
        assert MARK not in shown, (path, answer.text)
        assert answer.status_code in (200, 400, 404), (path, answer.text)
    assert two.seen() == before


def test_a_role_in_a_project_opens_that_much_of_it(two: Two) -> None:
    token = two.token("reader", Role.GUEST, theirs=Role.VIEWER)
    run = two.known["run"]
    assert two.ask("GET", f"/api/v1/runs/{run}", token).json()["name"] == MARK
    assert two.ask("GET", "/api/v1/projects", token).json()[0]["name"] == "theirs"
    assert two.ask("GET", "/api/v1/projects/theirs/models", token).is_success
    for method, path, body in (
        ("POST", f"/api/v1/runs/{run}/tags", {"tags": {"a": "b"}}),
        ("DELETE", f"/api/v1/runs/{run}", None),
        ("POST", "/projects/theirs/mlflow/api/2.0/mlflow/runs/create", {"experiment_id": "0"}),
        ("POST", "/api/v1/runs/" + run + "/params", {"params": {"a": 1}}),
    ):
        answer = two.ask(method, path, token, body)
        assert answer.status_code == 403, answer.text
    both = two.token("both", Role.VIEWER, mine=Role.EDITOR)
    create = "/projects/{}/mlflow/api/2.0/mlflow/runs/create"
    assert two.ask("POST", create.format("mine"), both, {"experiment_id": "0"}).is_success
    assert two.ask("POST", create.format("theirs"), both, {}).status_code == 403
    assert two.ask("GET", f"/api/v1/runs/{run}", both).is_success


def test_who_runs_a_project_says_who_else_opens_it(two: Two) -> None:
    two.token("newcomer", Role.GUEST)
    place = "/api/v1/projects/mine/access"
    given = two.ask("PUT", f"{place}/newcomer", two.guest, {"role": "editor"})
    assert given.json() == {"name": "newcomer", "role": "editor", "everywhere": "guest"}
    found = {one["name"]: one["role"] for one in two.ask("GET", place, two.guest).json()}
    assert found["newcomer"] == "editor"
    assert found["admin"] == "admin"
    again = two.ask("PUT", f"{place}/newcomer", two.guest, {"role": "viewer"})
    assert again.json()["role"] == "viewer"
    refused = two.ask("PUT", f"{place}/admin", two.guest, {"role": "viewer"})
    assert refused.status_code == 409
    elsewhere = two.ask("PUT", "/api/v1/projects/theirs/access/guest", two.guest, {"role": "admin"})
    assert elsewhere.status_code == 403
    assert two.ask("DELETE", f"{place}/newcomer", two.guest).json()["role"] == "guest"
    assert two.ask("DELETE", f"{place}/newcomer", two.guest).status_code == 404
    with two.store.read() as connection:
        written = events.read(connection, kind="token.granted", project="mine")
    assert [event.actor for event in written] == ["guest", "guest"]
