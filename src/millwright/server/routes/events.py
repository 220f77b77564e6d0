"""The event log as a list, as a live stream, and its verification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse

from millwright.kernel import events
from millwright.kernel.access import Permission
from millwright.kernel.events import Event, Verification
from millwright.kernel.routing import Call, Reach, RoomRouter, current_call
from millwright.kernel.store import Store

router = RoomRouter(tag="events")
_IDLE_SECONDS = 2.0
"""Writers in other processes ring no bell here, so the log is looked at this often regardless."""


@router.get("/events", permission=Permission.READ, reach=Reach.PROJECTS)
def list_events(
    after: int = 0,
    limit: int = Query(100, ge=1, le=1000),
    kind: str | None = None,
    subject: str | None = None,
    project: str | None = None,
    newest_first: bool = False,
    call: Call = Depends(current_call),
) -> list[Event]:
    """What happened in the projects that the caller may see, oldest first unless asked otherwise."""
    with call.store.read() as connection:
        return events.read(
            connection,
            after=after,
            limit=limit,
            kind=kind,
            subject=subject,
            project=project,
            among=call.actor.projects(Permission.READ),
            newest_first=newest_first,
        )


@router.get(
    "/events/stream",
    permission=Permission.READ,
    reach=Reach.PROJECTS,
    response_class=StreamingResponse,
)
async def stream_events(
    request: Request, after: int | None = None, call: Call = Depends(current_call)
) -> StreamingResponse:
    """New events as server-sent events; ``Last-Event-ID`` continues where a client left off."""
    resumed = request.headers.get("last-event-id", "")
    start = after if after is not None else int(resumed) if resumed.isdigit() else None
    return StreamingResponse(
        _follow(request, call, start),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _follow(request: Request, call: Call, start: int | None) -> AsyncIterator[bytes]:
    store, among = call.store, call.actor.projects(Permission.READ)
    woken, loop = asyncio.Event(), asyncio.get_running_loop()
    last = await asyncio.to_thread(_latest, store) if start is None else start
    yield b": connected\n\n"
    with store.changes.listening(lambda: loop.call_soon_threadsafe(woken.set)):
        while not await request.is_disconnected():
            for event in await asyncio.to_thread(_since, store, last, among):
                last = event.seq
                yield f"id: {event.seq}\nevent: change\ndata: {event.model_dump_json()}\n\n".encode()
            try:
                await asyncio.wait_for(woken.wait(), _IDLE_SECONDS)
            except TimeoutError:
                yield b": still here\n\n"
            woken.clear()


def _latest(store: Store) -> int:
    with store.read() as connection:
        newest = events.read(connection, limit=1, newest_first=True)
    return newest[0].seq if newest else 0


def _since(store: Store, last: int, among: frozenset[str] | None) -> list[Event]:
    with store.read() as connection:
        return events.read(connection, after=last, limit=500, among=among)


@router.get("/audit/verify", permission=Permission.ADMIN)
def verify_audit(call: Call = Depends(current_call)) -> Verification:
    """Whether any event was altered, removed or reordered since it was written."""
    with call.store.read() as connection:
        return events.verify(connection)
