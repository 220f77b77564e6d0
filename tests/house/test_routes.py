"""Every route says what it asks of its caller, and the server does not start otherwise."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from millwright.kernel.access import Permission
from millwright.kernel.routing import RoomRouter, refuse_undeclared, undeclared
from millwright.kernel.store import Store
from millwright.server.application import create_app
from millwright.server.rooms import routers

SIGNED = {"/api/v1/projects/{project}/triggers/{name}/events"}
"""Taken from whoever signs with a secret made for it, or has a token that may write."""
PUBLIC = {"/api/v1/health", *SIGNED}
QUESTIONS = {
    "/api/v1/projects/{project}/step-results",
    "/api/v1/projects/{project}/runs/table",
    "/api/v1/projects/{project}/runs/table/csv",
    "/api/v1/projects/{project}/runs/curves",
}
"""Posted because the question is long; they change nothing."""


def test_every_route_of_every_room_declares_a_permission() -> None:
    declared = [route for router in routers() for route in router.routes]
    assert declared
    assert undeclared(declared) == []


def test_only_health_and_the_files_of_the_ui_are_open_to_all(store: Store) -> None:
    app = create_app(store)
    open_to_all = {
        route.path
        for route in app.routes
        if isinstance(route, APIRoute) and getattr(route, "permission", None) is Permission.PUBLIC
    }
    assert {path for path in open_to_all if path.startswith("/api/")} == PUBLIC


def test_every_change_needs_more_than_to_read() -> None:
    weak = [
        f"{sorted(route.methods)} {route.path}"
        for router in routers()
        for route in router.routes
        if isinstance(route, APIRoute)
        and route.methods & {"POST", "PUT", "PATCH", "DELETE"}
        and route.path not in QUESTIONS | SIGNED
        and getattr(route, "permission", None) in {Permission.PUBLIC, Permission.READ}
    ]
    assert weak == []


def test_a_route_without_a_permission_cannot_be_declared() -> None:
    router = RoomRouter(tag="careless")
    with pytest.raises(TypeError, match="permission"):
        router.get("/open")  # type: ignore[call-arg]


def test_the_server_does_not_start_with_a_route_that_nobody_opened_on_purpose() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    refuse_undeclared(app)
    app.add_api_route("/forgotten", lambda: None)
    with pytest.raises(RuntimeError, match="/forgotten"):
        refuse_undeclared(app)


def test_nor_with_one_that_came_in_with_a_router() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    careless = APIRouter()
    careless.add_api_route("/forgotten", lambda: None)
    app.include_router(careless)
    with pytest.raises(RuntimeError, match="declare no permission"):
        refuse_undeclared(app)
