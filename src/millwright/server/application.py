"""The HTTP application: every room's routes behind the same guards and the same error shape."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from millwright.data import take_journal, take_transfers
from millwright.kernel.errors import (
    ERRORS_BY_STATUS,
    InvalidInput,
    MillwrightError,
)
from millwright.kernel.projects import follow_file
from millwright.kernel.routing import Authenticate, refuse_undeclared
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.security import local_user
from millwright.server.guards import Admission, Guards
from millwright.server.opening import open_store
from millwright.server.rooms import mlflow_endpoints, routers
from millwright.tracking import MlflowGateway, is_mlflow


class Application(FastAPI):
    """The framework's application, with the door for MLflow's clients before it.

    They ask thousands of times a second for what takes a tenth of a millisecond, which is less than
    what the layers of a framework take.
    """

    mlflow: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and is_mlflow(scope["path"]):
            await self.mlflow(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(
    store: Store, *, authenticate: Authenticate = local_user, hosts: Iterable[str] = ()
) -> Application:
    """The application over a store.

    Args:
        store: where state lives; the caller closes it.
        authenticate: finds the actor behind a request.
        hosts: names this server answers to besides loopback.

    Raises:
        RuntimeError: a route declares no permission.
    """
    app = Application(
        title="Millwright",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.state.store = store
    app.state.authenticate = authenticate
    for router in routers():
        # Routes are added as they are, so that each keeps the permission it declares.
        app.router.routes.extend(router.routes)
    refuse_undeclared(app)
    take_journal(store)
    take_transfers(store)
    app.add_exception_handler(MillwrightError, _known_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(UnicodeEncodeError, _half_a_character)
    app.add_middleware(Guards, admission=Admission(hosts))
    app.mlflow = mlflow_door(store, authenticate=authenticate, hosts=hosts)
    return app


def mlflow_door(
    store: Store, *, authenticate: Authenticate, hosts: Iterable[str] = ()
) -> MlflowGateway:
    """The part of the application that answers MLflow's clients; arguments as ``create_app``."""
    return MlflowGateway(
        store=store,
        authenticate=authenticate,
        endpoints=mlflow_endpoints(),
        admit=Admission(hosts).check_mlflow,
    )


def embedded(workspace: Workspace) -> Application:
    """The application over a workspace, for mounting in the caller's own process."""
    store = open_store(workspace)
    follow_file(store)
    return create_app(store)


def _known_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MillwrightError)
    return JSONResponse(error.problem(), status_code=error.status)


def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    problem = InvalidInput(
        "http.invalid",
        f"The request is not usable: {place or 'body'}: {first['msg']}.",
        hint="See the API reference for what this route takes.",
        value=first.get("input"),
    )
    return JSONResponse(problem.problem(), status_code=400)


def _half_a_character(_: Request, error: Exception) -> JSONResponse:
    # JSON may hold what no UTF-8 can: half of a pair of surrogates.
    assert isinstance(error, UnicodeEncodeError)
    problem = InvalidInput(
        "http.text",
        f"The request holds text that is no Unicode: {error.object[error.start]!a}.",
        hint="Leave it out of names and values.",
    )
    return JSONResponse(problem.problem(), status_code=400)


def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    kind = ERRORS_BY_STATUS.get(error.status_code, MillwrightError)
    problem = kind("http.error", f"{error.detail}.")
    return JSONResponse(
        {"error": {"code": "http.error", "message": problem.message, "status": error.status_code}},
        status_code=error.status_code,
    )
