"""Routes that say what they ask of their caller, and in which project.

The permission is part of the route object, so a route without one cannot exist: the router refuses
to add it and the server refuses to start with it. Which project a request is about is said by its
path: by ``{project}`` itself, or by a part whose owner the room can tell (``owners``). A route with
neither is of the whole installation, unless it says that it answers for several projects at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Mount

from millwright.kernel.access import Actor, Permission
from millwright.kernel.errors import Forbidden, MillwrightError
from millwright.kernel.store import Store

PREFIX = "/api/v1"
"""Where the API is mounted; the routers of all rooms carry it."""

_LARGE_BODY = 256 << 10

Authenticate = Callable[[Request, Store], Actor]
"""Finds the actor behind a request, or raises ``Unauthenticated``."""


@dataclass(frozen=True)
class Call:
    """What a handler needs to know of the request beside its parameters."""

    store: Store
    actor: Actor
    """With the role that counts in the project the route is about."""

    def within(self, project: str, permission: Permission) -> Actor:
        """The actor in a project that the path did not name.

        Raises:
            Forbidden: it has not the permission there.
        """
        actor = self.actor.within(project)
        if not actor.may(permission):
            raise _denied(actor, permission)
        return actor


class Reach(Enum):
    """What a route is about that names no single project."""

    INSTALLATION = "installation"
    """Everything there is: a role in some project does not open it."""
    PROJECTS = "projects"
    """Whatever projects the caller may see: the handler leaves out the others."""


@dataclass(frozen=True, slots=True)
class Owner:
    """How a part of a path, such as a run's id, tells the project."""

    find: Callable[[Store, str], str | None]
    """The project of the thing with this id; None where there is no such thing."""
    unknown: Callable[[str], MillwrightError]
    """What is said of a thing that is not there, and of one that the caller may not see."""


class RoomRoute(APIRoute):
    """A route with the permission that its caller needs, which is looked at before the body is."""

    about: _About | None = None

    @property
    def permission(self) -> Permission | None:
        """What the caller needs; None for a route that was not declared."""
        return None if self.about is None else self.about.permission

    @property
    def reach(self) -> str:
        """``project``, or that of its ``Reach``."""
        reach = None if self.about is None else self.about.reach
        return "project" if reach is None else reach.value

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's own, behind the check."""
        handled = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if self.about is None:
                raise RuntimeError(f"{self.path} declares no permission")
            if self.about.permission is not Permission.PUBLIC:
                # Who asks may have to be looked up in the database.
                await run_in_threadpool(self.about.admit, request)
            if not await _is_large(request):
                return await handled(request)
            return await run_in_threadpool(lambda: asyncio.run(handled(request)))

        return checked


async def _is_large(request: Request) -> bool:
    """Whether the body is JSON that takes long to check: that is done by a thread, on a loop of its
    own, or nobody else would be answered for as long.

    Raises:
        HTTPException: the client went away.
    """
    if not request.headers.get("content-type", "").startswith("application/json"):
        return False
    try:
        return len(await request.body()) > _LARGE_BODY
    except ClientDisconnect as cause:
        raise HTTPException(400, "The client went away") from cause


class RoomRouter:
    """The routes of one room; every one is declared with a permission."""

    def __init__(self, *, tag: str, owners: Mapping[str, Owner] | None = None) -> None:
        self._owners = dict(owners or {})
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
        about = self._about(path, permission, options.pop("reach", None))

        def add(handler: Callable[..., Any]) -> Callable[..., Any]:
            self._router.add_api_route(path, handler, methods=[method], **options)
            route = self._router.routes[-1]
            assert isinstance(route, RoomRoute)
            route.about = about
            return handler

        return add

    def _about(self, path: str, permission: Permission, reach: Reach | None) -> _About:
        for part, owner in self._owners.items():
            if reach is None and _holds(path, part):
                return _About(permission, part, owner, None)
        if reach is None and not _holds(path, "project"):
            reach = Reach.INSTALLATION
        return _About(permission, "project", None, reach)


@dataclass(frozen=True, slots=True)
class _About:
    """What a route asks for, and where."""

    permission: Permission
    part: str
    owner: Owner | None
    reach: Reach | None

    def admit(self, request: Request) -> None:
        """Note who acts, or refuse.

        Raises:
            MillwrightError: as ``_acting``, or nobody knows who it is.
        """
        request.state.acting = self._acting(request, _actor(request))

    def _acting(self, request: Request, actor: Actor) -> Actor:
        """The caller with the role that counts.

        Raises:
            MillwrightError: it may not see the thing, which is then said not to be there.
            Forbidden: it has not the permission.
        """
        value = request.path_params.get(self.part, "")
        if self.reach is None and actor.grants:
            actor = self._in_project(request.app.state.store, actor, value)
        if self.reach is Reach.PROJECTS and actor.projects(self.permission):
            return actor
        if actor.may(self.permission):
            return actor
        if self.owner is not None and not actor.may(Permission.READ):
            raise self.owner.unknown(value)
        raise _denied(actor, self.permission)

    def _in_project(self, store: Store, actor: Actor, value: str) -> Actor:
        if self.owner is None:
            return actor.within(value)
        if actor.may(Permission.ADMIN):
            return actor
        project = self.owner.find(store, value)
        return actor if project is None else actor.within(project)


def _holds(path: str, part: str) -> bool:
    return f"{{{part}}}" in path or f"{{{part}:path}}" in path


def _denied(actor: Actor, permission: Permission) -> Forbidden:
    return Forbidden(
        "access.denied",
        f"{actor.name} has the role {actor.role} here and may not do this.",
        hint=f"It needs the permission '{permission}'. Ask an admin for a token with it.",
    )


def current_call(request: Request) -> Call:
    """The ``Call`` of the request in progress, for ``Depends``."""
    acting = getattr(request.state, "acting", None) or _actor(request)
    return Call(store=request.app.state.store, actor=acting)


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
    declared = getattr(route, "permission", None)
    return declared if isinstance(declared, Permission) else None


def refuse_undeclared(app: FastAPI) -> None:
    """Stop the server from starting with a route that nobody opened on purpose."""
    missing = undeclared(app.routes)
    if missing:
        raise RuntimeError(f"These routes declare no permission: {', '.join(missing)}")
