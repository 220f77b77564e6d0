"""The workers of one gateway: as many as are wanted, each replaced when it ends unasked."""

from __future__ import annotations

import asyncio
import itertools
import random
import secrets
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path

from millwright.kernel.errors import Unavailable
from millwright.kernel.serving_config import WorkersConfig
from millwright.serving.config import ServerConfig
from millwright.serving.listening import ACCESS_TOKEN, ADMIN_TOKEN
from millwright.serving.replicas.balancing import less_loaded_of_two
from millwright.serving.replicas.link import WorkerGone
from millwright.serving.replicas.nursery import Nursery
from millwright.serving.replicas.worker import LIVE, Worker, start_worker
from millwright.serving.replies import Busy

HOLD_SECONDS = 60.0
"""How long a request waits for a worker before it is answered 503."""
_LOOK_SECONDS = 5.0
_MISSED_LOOKS = 3
_LONGEST_DELAY = 15.0
_DRAIN_SECONDS = 9.0


class Crew:
    """Workers that serve one configuration. Used from the event loop's thread.

    Attributes:
        config: what they serve.
        workers: those that were started and have not ended.
        wanted: how many there should be.
        restarts: how many ended unasked and were replaced.
        held: requests that wait for a worker to be ready.
        token: what they ask for before they change what they serve.
    """

    def __init__(self, config: ServerConfig, folder: Path) -> None:
        """``folder`` is for sockets and configurations, and only this user may look into it."""
        self.config = config
        self.workers: list[Worker] = []
        self.wanted = self.restarts = self.held = 0
        self.token = secrets.token_urlsafe(32)
        self._folder = folder
        self._nursery = Nursery({ADMIN_TOKEN: self.token, ACCESS_TOKEN: ""})
        self._numbers = itertools.count()
        self._draw = random.Random()  # noqa: S311 - balances load
        self._news = asyncio.Event()
        self._failures = 0
        self._starting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False
        self.exit_code: int | None = None
        """Of the last worker that ended before it answered; None once one did."""

    @property
    def ready(self) -> list[Worker]:
        """Those that answer."""
        return [worker for worker in self.workers if worker.ready]

    def aim(self, wanted: int) -> None:
        """Have so many from now on: start what lacks, let go of the least busy."""
        self.wanted = wanted
        staying = [worker for worker in self.workers if not worker.leaving]
        for _ in range(wanted - len(staying) - self._starting):
            self._begin(self._start(0.0))
        spare = len(staying) - wanted
        for worker in sorted(staying, key=lambda one: (one.ready, one.in_flight))[: max(0, spare)]:
            worker.leave()

    async def pick(self) -> Worker:
        """A worker for one request, waiting for one where none answers yet.

        Raises:
            Busy: too many wait already. Unavailable: none answered in time.
        """
        ready = self.ready
        return await self._hold() if not ready else self._of(ready)

    async def look(self) -> None:
        """Ask each whether it is alive; one that is silent several times is ended."""
        await asyncio.get_running_loop().run_in_executor(None, self._nursery.revive)
        for worker in self.ready:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await worker.ask(LIVE)
                worker.missed = 0
            except WorkerGone:
                continue  # its end is noticed by itself
            except TimeoutError:
                worker.missed += 1
                if worker.missed >= _MISSED_LOOKS:
                    worker.process.kill()

    async def close(self) -> None:
        """Let all finish what they began, and end."""
        self._ended = True
        for task in self._tasks:
            task.cancel()
        for worker in self.workers:
            worker.leave()
        for worker in list(self.workers):
            try:
                await asyncio.wait_for(worker.process.wait(), _DRAIN_SECONDS)
            except TimeoutError:
                worker.process.kill()
            worker.hang_up()
        self._nursery.close()

    def doubt(self, worker: Worker) -> None:
        """It broke a connection: ask nothing of it until it says that it is ready."""
        if worker.ready:
            worker.ready = False
            self._keep(self._ask_again(worker))

    async def _ask_again(self, worker: Worker) -> None:
        if await worker.become_ready():
            self._news.set()

    async def replace(self, worker: Worker) -> None:
        """End a worker that did not take a configuration; another one starts with it."""
        worker.ready = False
        worker.process.kill()

    def _of(self, ready: list[Worker]) -> Worker:
        return ready[less_loaded_of_two([one.in_flight for one in ready], self._draw)]

    async def _hold(self) -> Worker:
        if self.held >= self.config.max_in_flight:
            raise Busy(
                "serving.busy",
                f"{self.held} requests wait for a worker already.",
                hint="Ask again in a second.",
            )
        self.held += 1
        if self.wanted == 0:
            self.aim(1)
        try:
            async with asyncio.timeout(HOLD_SECONDS):
                while not (ready := self.ready):
                    self._news.clear()
                    await self._news.wait()
            return self._of(ready)
        except TimeoutError as cause:
            raise Unavailable(
                "serving.no_worker",
                f"No worker was ready within {HOLD_SECONDS:.0f} seconds.",
                hint="The server's log says why they do not start.",
            ) from cause
        finally:
            self.held -= 1

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._starting += 1
        self._keep(work)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start(self, delay: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(delay)
            number = next(self._numbers)
            file = self._folder / f"{number}.json"
            alone = {"workers": WorkersConfig(), "keys": (), "oidc": None, "engine": "uvicorn"}
            served = self.config.model_copy(update=alone)
            file.write_text(served.model_dump_json(), "utf-8")
            worker = await loop.run_in_executor(
                None,
                start_worker,
                self._nursery,
                file,
                self._folder / f"{number}.sock",
            )
            self.workers.append(worker)
            worker.process.watch(partial(self._gone, worker))
        finally:
            self._starting -= 1
        if await worker.become_ready():
            self._failures, self.exit_code = 0, None
            if served.revision != self.config.revision:
                await self.replace(worker)  # what is served changed while it started
            else:
                self._news.set()

    def _gone(self, worker: Worker) -> None:
        """A worker has ended."""
        worker.ready = False
        if worker in self.workers:
            self.workers.remove(worker)
        worker.hang_up()
        if self._ended or worker.leaving:
            return
        code = worker.process.returncode or 0
        self.restarts += 1
        delay = 0.0
        if not worker.served and code > 0:
            self._failures += 1
            self.exit_code = code
            delay = min(_LONGEST_DELAY, 0.25 * 2**self._failures)
        sys.stderr.write(f"A worker ended with code {code} and is replaced.\n")
        staying = sum(not one.leaving for one in self.workers)
        if staying + self._starting < self.wanted:
            self._begin(self._start(delay))
