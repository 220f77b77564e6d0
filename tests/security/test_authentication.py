"""Who is let in: the local user on loopback, the holders of tokens anywhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from millwright import security
from millwright.kernel.access import Actor, Role
from millwright.kernel.errors import Forbidden
from millwright.kernel.store import Store
from millwright.security.records import TokenRequest
from millwright.server.application import create_app

pytestmark = pytest.mark.core


def secret_for(store: Store, role: Role) -> str:
    """The secret of a fresh token."""
    request = TokenRequest(name=f"a-{role}", role=role)
    return security.create_token(store, Actor("tester", Role.ADMIN), request).secret


def bearer(secret: str) -> dict[str, str]:
    """The header that brings a token."""
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def network(store: Store) -> Iterator[TestClient]:
    """A server that listens on an address other than loopback, with one admin token made."""
    secret_for(store, Role.ADMIN)
    authenticate = security.authentication_for(store, "0.0.0.0")
    with TestClient(create_app(store, authenticate=authenticate)) as client:
        yield client


@pytest.fixture
def loopback(store: Store) -> Iterator[TestClient]:
    authenticate = security.authentication_for(store, "127.0.0.1")
    app = create_app(store, authenticate=authenticate)
    with TestClient(app, client=("127.0.0.1", 50000)) as client:
        yield client


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "millwright.lan", ""])
def test_no_other_address_is_opened_before_there_is_an_admin(
    store: Store, actor: Actor, host: str
) -> None:
    secret_for(store, Role.OPERATOR)
    with pytest.raises(Forbidden, match="mw token create --role admin --name NAME"):
        security.require_authentication(store, host)
    secret_for(store, Role.ADMIN)
    security.require_authentication(store, host)
    security.revoke_token(store, actor, "a-admin")
    with pytest.raises(Forbidden):
        security.authentication_for(store, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_login(store: Store, host: str) -> None:
    assert security.authentication_for(store, host) is security.local_user


def test_on_a_network_nothing_but_a_token_opens(network: TestClient, store: Store) -> None:
    assert network.get("/api/v1/health").status_code == 200
    for headers in (
        {},
        bearer(""),
        bearer("mw_guess"),
        {"authorization": f"Basic {secret_for(store, Role.EDITOR)}"},
    ):
        answer = network.get("/api/v1/projects", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["hint"]
    assert network.get(
        "/api/v1/projects", headers=bearer(secret_for(store, Role.VIEWER))
    ).is_success


def test_a_revoked_token_closes_the_door_at_once(
    network: TestClient, store: Store, actor: Actor
) -> None:
    headers = bearer(secret_for(store, Role.VIEWER))
    assert network.get("/api/v1/whoami", headers=headers).json()["name"] == "a-viewer"
    security.revoke_token(store, actor, "a-viewer")
    answer = network.get("/api/v1/whoami", headers=headers)
    assert answer.status_code == 401
    assert "was revoked" in answer.json()["error"]["message"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.OPERATOR])
def test_only_admins_make_tokens(network: TestClient, store: Store, role: Role) -> None:
    body = {"name": "mine", "role": "admin"}
    headers = bearer(secret_for(store, role))
    assert network.post("/api/v1/tokens", json=body, headers=headers).status_code == 403
    assert network.get("/api/v1/tokens", headers=headers).status_code == 403
    assert network.delete("/api/v1/tokens/a-admin", headers=headers).status_code == 403


def test_a_viewer_changes_nothing(network: TestClient, store: Store) -> None:
    headers = bearer(secret_for(store, Role.VIEWER))
    body = {"config": "project: p\ndata: {source: a.csv, target: y}\n"}
    answer = network.put("/api/v1/projects/p", json=body, headers=headers)
    assert answer.status_code == 403
    assert "permission 'write'" in answer.json()["error"]["hint"]


def test_the_local_user_is_the_admin(loopback: TestClient) -> None:
    identity = loopback.get("/api/v1/whoami").json()
    assert (identity["name"], identity["role"]) == ("local", "admin")


def test_a_token_counts_on_loopback_too(loopback: TestClient, store: Store) -> None:
    headers = bearer(secret_for(store, Role.VIEWER))
    assert loopback.get("/api/v1/whoami", headers=headers).json()["role"] == "viewer"
    assert loopback.get("/api/v1/whoami", headers=bearer("mw_wrong")).status_code == 401


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip"])
def test_a_proxy_does_not_make_its_callers_the_local_user(
    loopback: TestClient, header: str
) -> None:
    answer = loopback.get("/api/v1/whoami", headers={header: "203.0.113.9"})
    assert answer.status_code == 401
    assert "mw token create" in answer.json()["error"]["hint"]


def test_a_caller_from_another_address_is_not_the_local_user(store: Store) -> None:
    app = create_app(store, authenticate=security.local_user)
    with TestClient(app, client=("10.0.0.9", 50000)) as client:
        assert client.get("/api/v1/whoami").status_code == 401


def test_nobody_has_a_body_read_who_may_not_send_it(network: TestClient, store: Store) -> None:
    sent = {"content": b"{ no json", "headers": {"content-type": "application/json"}}
    assert network.put("/api/v1/projects/p", **sent).status_code == 401
    sent["headers"] |= bearer(secret_for(store, Role.VIEWER))  # type: ignore[operator]
    assert network.put("/api/v1/projects/p", **sent).status_code == 403
    sent["headers"] |= bearer(secret_for(store, Role.EDITOR))  # type: ignore[operator]
    assert network.put("/api/v1/projects/p", **sent).status_code == 400
