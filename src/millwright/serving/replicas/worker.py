"""One worker: an inference server of its own, asked over a socket that only its gateway knows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

from millwright.serving.listening import BACKLOG
from millwright.serving.replicas.in_parts import RelayedParts, ask_in_parts
from millwright.serving.replicas.link import Link, Relayed, WorkerGone
from millwright.serving.replicas.nursery import Nursery, WorkerProcess

READY = b"GET /v2/health/ready HTTP/1.1\r\nhost: worker\r\n\r\n"
LIVE = READY.replace(b"ready", b"live")


class Worker:
    """A process and the connections to it. Used from the event loop's thread.

    Attributes:
        in_flight: requests that it has and did not answer.
        ready: whether it answers.
        served: whether it ever answered.
        leaving: whether it gets no more requests and ends after those it has.
        missed: looks in a row that it did not answer.
    """

    def __init__(self, process: WorkerProcess, place: Path) -> None:
        self.process = process
        self.in_flight = self.missed = 0
        self.ready = self.leaving = self.served = False
        self._place = place
        self._idle: list[Link] = []

    async def ask(self, request: bytes) -> Relayed:
        """The answer to a request.

        Raises:
            WorkerGone: the process ended before it was complete.
        """
        link = None
        while self._idle and (link is None or not link.is_open):
            link = self._idle.pop()  # one that was idle for long may have been closed
        if link is None or not link.is_open:
            link = await self._connected()
        try:
            answer = await link.ask(request)
        except BaseException:
            # Also where the caller hung up: the answer that comes is nobody's.
            link.close()
            raise
        if link.is_open:
            self._idle.append(link)
        return answer

    async def ask_in_parts(
        self, request: bytes, when_over: Callable[[], None]
    ) -> RelayedParts | Relayed:
        """The answer to a request that may come bit by bit; ``when_over`` as ``in_parts`` calls it.

        Raises:
            WorkerGone: the process ended before it began.
        """
        return await ask_in_parts(self._place, request, when_over)

    async def become_ready(self) -> bool:
        """Wait until it answers; False where it ended before."""
        try:
            answer = await self.ask(READY)
        except WorkerGone:
            return False
        self.ready = answer.status == 200 and not self.leaving
        self.served = self.served or self.ready
        return self.ready

    def leave(self) -> None:
        """Finish what was begun and end."""
        self.leaving, self.ready = True, False
        self.process.terminate()

    def hang_up(self) -> None:
        """Close the connections and remove the socket: the process has ended."""
        for link in self._idle:
            link.close()
        self._idle.clear()
        self._place.unlink(missing_ok=True)

    async def _connected(self) -> Link:
        loop = asyncio.get_running_loop()
        try:
            _, link = await loop.create_unix_connection(Link, str(self._place))
        except OSError as cause:
            raise WorkerGone from cause
        return link


def start_worker(nursery: Nursery, config: Path, place: Path) -> Worker:
    """Start a process that serves ``config`` on a socket at ``place``.

    Callers may connect at once: they wait in the socket's queue until it answers.

    Raises:
        OSError: it could not be started.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        bound.bind(str(place))
        bound.listen(BACKLOG)
        process = nursery.begin(config, bound)
    # Only the process holds the socket now: when it ends, who waits hears so.
    return Worker(process, place)
