"""Answering MLflow's clients while the rest of the application is still being made.

The framework takes longer to take in every room's routes than all else that a start needs. What
needs no framework is answered at once; everything else waits the moment until it is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future

from starlette.types import ASGIApp, Receive, Scope, Send

from millwright.tracking import is_mlflow


class EarlyApplication:
    """An ASGI application whose greater part is made by ``make``, in a thread of its own."""

    def __init__(self, mlflow: ASGIApp) -> None:
        self._mlflow = mlflow
        self._whole: Future[ASGIApp] = Future()
        # So that a client who goes away while it waits takes nothing from the others.
        self._whole.set_running_or_notify_cancel()

    def make(self, made: Callable[[], ASGIApp]) -> None:
        """Make the whole application; whoever waits is answered by it, or told what failed.

        Raises:
            Exception: what ``made`` raises.
        """
        try:
            self._whole.set_result(made())
        except BaseException as error:
            self._whole.set_exception(error)
            raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and is_mlflow(scope["path"]):
            await self._mlflow(scope, receive, send)
            return
        if not self._whole.done():
            await asyncio.wrap_future(self._whole)
        await self._whole.result()(scope, receive, send)
