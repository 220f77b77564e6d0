"""Bytes from a request into the object store as they arrive, with a bounded number waiting."""

from __future__ import annotations

import io
import queue
from collections.abc import AsyncIterator
from functools import partial

import anyio
from anyio import to_thread

from millwright.kernel.store import Store
from millwright.tracking.mlflow.errors import MlflowError

BLOCK = 4 << 20
_WAITING = 4
MAX_BYTES = 64 << 30


async def stored(
    store: Store, project: str, stream: AsyncIterator[bytes], *, limit: int = MAX_BYTES
) -> str:
    """The digest of everything in the stream, durable on return.

    At most some 20 MB of it are in memory at once; a client that sends faster than the disk takes
    waits.

    Raises:
        MlflowError: it is larger than ``limit``, or the client went away.
    """
    head, rest = await _first(stream, limit)
    if rest is None:
        return await to_thread.run_sync(store.objects.of(project).put, head)
    feed = _Feed()
    digest: list[str] = []

    async def write() -> None:
        reader = io.BufferedReader(feed, BLOCK)
        digest.append(await to_thread.run_sync(partial(store.objects.of(project).put, reader)))

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_guarded, write, feed)
            await _fill(feed, head, rest, limit)
    except* MlflowError as several:
        raise several.exceptions[0] from None
    return digest[0]


async def _guarded(write: object, feed: _Feed) -> None:
    try:
        await write()  # type: ignore[operator]
    except BaseException:
        # Whoever fills the queue must not wait for a reader that is gone.
        feed.broken = True
        raise


async def _first(
    stream: AsyncIterator[bytes], limit: int
) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """The stream's first block, and the stream where it goes on."""
    block = bytearray()
    async for part in stream:
        block += part
        if len(block) > limit:
            raise too_large(limit)
        if len(block) >= BLOCK:
            return bytes(block), stream
    return bytes(block), None


async def _fill(feed: _Feed, head: bytes, rest: AsyncIterator[bytes], limit: int) -> None:
    try:
        await to_thread.run_sync(feed.give, head)
        size, block = len(head), bytearray()
        async for part in rest:
            block += part
            if len(block) >= BLOCK:
                size += len(block)
                if size > limit:
                    raise too_large(limit)
                await to_thread.run_sync(feed.give, bytes(block))
                block = bytearray()
        if block:
            if size + len(block) > limit:
                raise too_large(limit)
            await to_thread.run_sync(feed.give, bytes(block))
    except BaseException as cause:
        feed.fail(cause)
        raise
    await to_thread.run_sync(feed.end)


def too_large(limit: int) -> MlflowError:
    """The error for a body that goes on beyond its limit."""
    return MlflowError(
        "INVALID_PARAMETER_VALUE", f"The artifact is larger than {limit >> 20} MiB.", status=413
    )


class _Feed(io.RawIOBase):
    """Blocks that one side gives and the other reads as a file."""

    def __init__(self) -> None:
        self._blocks: queue.Queue[bytes | BaseException | None] = queue.Queue(_WAITING)
        self._current = memoryview(b"")
        self._ended = False
        self.broken = False

    def give(self, block: bytes) -> None:
        """Hand a block over; waits while too many are waiting."""
        while not self.broken:
            try:
                self._blocks.put(block, timeout=1.0)
            except queue.Full:
                continue
            return
        raise MlflowError("INTERNAL_ERROR", "The artifact could not be stored.")

    def end(self) -> None:
        """Say that nothing more comes."""
        self._finish(None)

    def fail(self, cause: BaseException) -> None:
        """Say that the rest will not come: what was read so far is no artifact."""
        self._finish(cause)

    def _finish(self, last: BaseException | None) -> None:
        while not self.broken:
            try:
                self._blocks.put(last, timeout=0.2)
            except queue.Full:
                if last is not None:
                    self._drain()
                continue
            return

    def _drain(self) -> None:
        try:
            while True:
                self._blocks.get_nowait()
        except queue.Empty:
            return

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer from the blocks given; raises where the sender broke off."""
        if not self._current and not self._ended:
            given = self._blocks.get()
            if given is None:
                self._ended = True
            elif isinstance(given, BaseException):
                self._ended = True
                raise OSError("The upload broke off.") from given
            else:
                self._current = memoryview(given)
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        count = min(len(view), len(self._current))
        view[:count] = self._current[:count]
        self._current = self._current[count:]
        return count
