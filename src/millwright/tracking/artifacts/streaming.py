"""Bytes from a request into the object store as they arrive, with a bounded number waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator

from anyio import CancelScope, to_thread

from millwright.kernel.objects import MOST_PIECES, ProjectObjects
from millwright.kernel.quotas import require_room
from millwright.kernel.store import Store
from millwright.tracking.mlflow.errors import MlflowError

BLOCK = 1 << 20
LARGE = 4 << 20
"""What is larger becomes a file of its own in the store."""
MAX_BYTES = 64 << 30


async def stored(
    store: Store, project: str, stream: AsyncIterator[bytes], *, limit: int = MAX_BYTES
) -> str:
    """The digest of everything in the stream, durable on return.

    At most some 20 MB of it are in memory at once; a client that sends faster than the disk takes
    waits.

    Raises:
        MlflowError: it is larger than ``limit``, or the client went away.
        TooLarge: the project's quota of bytes is used up.
    """
    await to_thread.run_sync(require_room, store, project)
    objects = store.objects.of(project)
    head: list[bytes] = []
    size = 0
    async for part in stream:
        head.append(part)
        size += len(part)
        if size > min(limit, LARGE):
            break
    if size > limit:
        raise too_large(limit)
    if size <= LARGE:
        return await to_thread.run_sync(objects.put, b"".join(head))
    return await _received(objects, head, stream, limit)


async def _received(
    objects: ProjectObjects, head: list[bytes], rest: AsyncIterator[bytes], limit: int
) -> str:
    receiving = await to_thread.run_sync(objects.receiving)
    try:
        size = total = 0
        pieces: list[bytes] = []
        for part in head:
            await to_thread.run_sync(receiving.write, [part])
            total += len(part)
        async for part in rest:
            pieces.append(part)
            size += len(part)
            if size >= BLOCK or len(pieces) == MOST_PIECES:
                total += size
                if total > limit:
                    raise too_large(limit)
                if not receiving.offer(pieces):
                    await to_thread.run_sync(receiving.write, pieces)
                pieces, size = [], 0
        if total + size > limit:
            raise too_large(limit)
        if pieces:
            await to_thread.run_sync(receiving.write, pieces)
        return await to_thread.run_sync(receiving.finish)
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(receiving.close)


def too_large(limit: int) -> MlflowError:
    """The error for a body that goes on beyond its limit."""
    return MlflowError(
        "INVALID_PARAMETER_VALUE", f"The artifact is larger than {limit >> 20} MiB.", status=413
    )
