"""Bytes in and out of the object store, by digest only: no user text becomes a path."""

from __future__ import annotations

import tempfile
from typing import BinaryIO, cast

import anyio.to_thread
from fastapi import Depends, Request
from fastapi.responses import Response

from millwright.kernel.access import Permission
from millwright.kernel.attachments import attachment
from millwright.kernel.quotas import require_room
from millwright.kernel.record import Record
from millwright.kernel.routing import Call, RoomRouter, current_call

router = RoomRouter(tag="objects")
_IN_MEMORY_BYTES = 8 << 20


class StoredObject(Record):
    """An object that is now durable."""

    digest: str
    size: int


@router.put("/projects/{project}/objects", permission=Permission.WRITE)
async def put_object(
    project: str, request: Request, call: Call = Depends(current_call)
) -> StoredObject:
    """Store the request's body; the same bytes always have the same digest."""
    claimed = request.headers.get("content-length", "")
    fresh = int(claimed) if claimed.isdecimal() else 0
    await anyio.to_thread.run_sync(require_room, call.store, project, fresh)
    # Large bodies wait on disk, not in memory.
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as spool:
        async for block in request.stream():
            await anyio.to_thread.run_sync(spool.write, block)
        size = spool.tell()
        spool.seek(0)
        digest = await anyio.to_thread.run_sync(
            call.store.objects.of(project).put, cast(BinaryIO, spool)
        )
    return StoredObject(digest=digest, size=size)


@router.get("/projects/{project}/objects/{digest}", permission=Permission.READ)
def get_object(
    project: str, digest: str, request: Request, call: Call = Depends(current_call)
) -> Response:
    """The object's bytes, or the range asked for, as a download that no browser runs."""
    return attachment(
        call.store,
        project,
        digest,
        name=digest[:12],
        media_type="application/octet-stream",
        wanted=request.headers.get("range"),
    )
