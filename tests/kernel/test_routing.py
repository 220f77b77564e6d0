"""What routes do with bodies that take long to check."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from pydantic import AfterValidator
from starlette.testclient import TestClient

from millwright.kernel.access import LOCAL, Permission
from millwright.kernel.record import Record
from millwright.kernel.routing import RoomRouter


@pytest.mark.parametrize(("length", "apart"), [(1_000, False), (1_000_000, True)])
def test_a_large_body_is_checked_beside_the_loop(length: int, apart: bool) -> None:
    checked: list[int] = []

    def note(text: str) -> str:
        checked.append(threading.get_ident())
        return text

    class Note(Record):
        text: Annotated[str, AfterValidator(note)]

    router = RoomRouter(tag="notes")

    def keep(sent: Note) -> dict[str, Any]:
        return {"length": len(sent.text)}

    keep.__annotations__["sent"] = Note
    router.post("/notes", permission=Permission.WRITE)(keep)

    async def where() -> dict[str, Any]:
        return {"loop": threading.get_ident()}

    router.get("/loop", permission=Permission.READ)(where)
    app = FastAPI()
    app.router.routes.extend(router.routes)
    app.state.store, app.state.authenticate = None, lambda request, store: LOCAL
    with TestClient(app) as http:
        loop = http.get("/api/v1/loop").json()["loop"]
        answer = http.post("/api/v1/notes", json={"text": "x" * length})
        refused = http.post("/api/v1/notes", json={"other": "x" * length})
    assert answer.json() == {"length": length}
    assert refused.status_code == 422
    assert (checked[0] != loop) is apart
