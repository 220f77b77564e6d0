"""A server that has just started: MLflow's clients are answered at once, the others a moment later."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from millwright.kernel.errors import Unavailable
from millwright.kernel.workspace import Workspace
from millwright.security import local_user
from millwright.server.application import create_app, mlflow_door
from millwright.server.early import EarlyApplication
from millwright.server.opening import open_store


def test_mlflow_is_answered_first_and_whoever_waits_is_answered_too(tmp_path: Path) -> None:
    store = open_store(Workspace(tmp_path))
    early = EarlyApplication(mlflow_door(store, authenticate=local_user))

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(early, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            waiting = asyncio.ensure_future(http.get("/api/v1/projects"))
            gone = asyncio.ensure_future(http.get("/api/v1/projects"))
            first = await http.get("/version")
            assert not waiting.done()
            gone.cancel()
            await asyncio.to_thread(early.make, lambda: create_app(store))
            return [first.status_code, (await waiting).status_code]

    assert asyncio.run(ask()) == [200, 200]
    store.close()


def test_what_failed_is_told_to_those_who_wait_and_to_the_starter(tmp_path: Path) -> None:
    store = open_store(Workspace(tmp_path))
    early = EarlyApplication(mlflow_door(store, authenticate=local_user))

    def fail() -> EarlyApplication:
        raise Unavailable("test.broken", "It could not be made.")

    with pytest.raises(Unavailable):
        early.make(fail)

    async def ask() -> None:
        transport = httpx.ASGITransport(early, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            await http.get("/api/v1/projects")

    with pytest.raises(Unavailable):
        asyncio.run(ask())
    store.close()
