"""Routes that say what they ask of their caller.

The permission is part of the route object, so a route without one cannot exist: the router refuses
to add it and the server refuses to start with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from millwright.kernel.access import Actor, Permission
from millwright.kernel.errors import Forbidden
from millwright.kernel.store import Store

PREFIX = "/api/v1"
"""Where the API is mounted; the routers of all rooms carry it."""

Authenticate = Callable[[Request, Store], Actor]
"""Finds the actor behind a request, or raises ``Unauthenticated``."""


@dataclass(frozen=True)
class Call:
    """What a handler needs to know of the request beside its parameters."""

    store: Store
    actor: Actor


class RoomRoute(APIRoute):
    """A route with the permission that its caller needs."""

    permission: Permission | None = None


class RoomRouter:
    """The routes of one room; every one is declared with a permission."""

    def __init__(self, *, tag: str) -> None:
        self._router = APIRouter(prefix=PREFIX, tags=[tag], route_class=RoomRoute)

    @property
    def routes(self) -> list[BaseRoute]:
        """The declared routes, in order."""
        return self._router.routes

    def get(self, path: str, *, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare a GET route."""
        return self._declare("GET", path, permission, options)

    def post(self, path: str, *, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare a POST route."""
        return self._declare("POST", path, permission, options)

    def put(self, path: str, *, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare a PUT route."""
        return self._declare("PUT", path, permission, options)

    def patch(self, path: str, *, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare a PATCH route."""
        return self._declare("PATCH", path, permission, options)

    def delete(self, path: str, *, permission: Permission, **options: Any) -> Callable[..., Any]:
        """Declare a DELETE route."""
        return self._declare("DELETE", path, permission, options)

    def _declare(
        self, method: str, path: str, permission: Permission, options: dict[str, Any]
    ) -> Callable[..., Any]:
        def add(handler: Callable[..., Any]) -> Callable[..., Any]:
            dependencies = [*options.pop("dependencies", ()), Depends(require(permission))]
            self._router.add_api_route(
                path, handler, methods=[method], dependencies=dependencies, **options
            )
            route = self._router.routes[-1]
            if isinstance(route, RoomRoute):
                route.permission = permission
            return handler

        return add


def require(permission: Permission) -> Callable[[Request], None]:
    """A dependency that lets only actors with the permission through."""

    def check(request: Request) -> None:
        if permission is Permission.PUBLIC:
            return
        actor = _actor(request)
        if not actor.may(permission):
            raise Forbidden(
                "access.denied",
                f"{actor.name} has the role {actor.role} and may not do this.",
                hint=f"It needs the permission '{permission}'. Ask an admin for a token with it.",
            )

    check.permission = permission  # type: ignore[attr-defined]
    return check


def current_call(request: Request) -> Call:
    """The ``Call`` of the request in progress, for ``Depends``."""
    return Call(store=request.app.state.store, actor=_actor(request))


def _actor(request: Request) -> Actor:
    known = getattr(request.state, "actor", None)
    if isinstance(known, Actor):
        return known
    authenticate: Authenticate = request.app.state.authenticate
    request.state.actor = authenticate(request, request.app.state.store)
    actor: Actor = request.state.actor
    return actor


def undeclared(routes: Iterable[BaseRoute]) -> list[str]:
    """The paths of routes that declare no permission, apart from mounted files."""
    found = []
    for route in routes:
        if isinstance(route, Mount):
            continue
        if _permission(route) is None:
            found.append(str(getattr(route, "path", route)))
    return found


def _permission(route: BaseRoute) -> Permission | None:
    direct = getattr(route, "permission", None)
    if isinstance(direct, Permission):
        return direct
    for dependency in getattr(route, "dependencies", ()):
        declared = getattr(dependency.dependency, "permission", None)
        if isinstance(declared, Permission):
            return declared
    return None


def refuse_undeclared(app: FastAPI) -> None:
    """Stop the server from starting with a route that nobody opened on purpose."""
    missing = undeclared(app.routes)
    if missing:
        raise RuntimeError(f"These routes declare no permission: {', '.join(missing)}")
