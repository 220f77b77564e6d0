"""The workers of one engine: warm processes that steps are sent to, and what comes back.

A worker is forked when there is more to do than workers, up to as many as there are processors. It
takes steps one after another; of a map it has a few in hand, so that it never waits for the engine.
Only the step at the head of its line has begun, so only that one is lost with it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from millwright.kernel.errors import Unavailable
from millwright.pipelines import frames
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.board import Live
from millwright.pipelines.context import Progress
from millwright.pipelines.environments import interpreter
from millwright.pipelines.graph import Reference
from millwright.pipelines.messages import Ended, Message, heard, lost, message_of, timed_out
from millwright.pipelines.nursery import Nursery, started
from millwright.pipelines.placement import root_of
from millwright.pipelines.secret_values import resolved
from millwright.pipelines.session import Session
from millwright.pipelines.step_log import StepLog

_IN_HAND = 8


@dataclass
class _Job:
    live: Live
    number: int
    log: StepLog


@dataclass
class _Worker:
    process: int
    connection: socket.socket
    incoming: frames.Incoming
    python: str
    jobs: deque[_Job] = field(default_factory=deque)
    began: float | None = None
    is_used: bool = False
    """It was given an environment of a step's own, and serves no other."""


class Crew:
    """The workers of one engine. Nothing is started before a step needs it."""

    def __init__(self, session: Session, on_progress: Callable[[str, Progress], None]) -> None:
        self._session = session
        self._on_progress = on_progress
        self._nurseries: dict[str, Nursery] = {}
        self._workers: list[_Worker] = []
        self._queue: deque[Live] = deque()
        self._selector = selectors.DefaultSelector()
        self._number = 0
        self._artifacts: Mapping[Reference, Artifact] = {}

    @property
    def busy(self) -> bool:
        """Whether any step is with a worker or on its way to one."""
        return bool(self._queue) or any(worker.jobs for worker in self._workers)

    def submit(self, live: Live, artifacts: Mapping[Reference, Artifact]) -> None:
        """Queue a step for the next worker that is free."""
        self._artifacts = artifacts
        self._queue.append(live)
        self._dispatch()

    def wait(self, seconds: float) -> list[Ended]:
        """What ended within so many seconds; returns early when something did."""
        ended: list[Ended] = []
        for key, _ in self._selector.select(self._until_timeout(seconds)):
            worker: _Worker = key.data
            messages, there = worker.incoming.available()
            for message in messages:
                ended += self._hear(worker, message)
            if not there:
                ended += self._lose(worker)
        ended += self._time_out()
        self._dispatch()
        return ended

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in list(self._workers):
            self._kill(worker)
        for nursery in self._nurseries.values():
            nursery.close()
        self._selector.close()

    # Sending

    def _dispatch(self) -> None:
        while self._queue:
            live = self._queue[0]
            worker = self._free(live)
            if worker is None:
                return
            self._queue.popleft()
            self._number += 1
            job = _Job(live, self._number, self._session.log(live))
            message = self._message(job)
            worker.jobs.append(job)
            worker.is_used = bool(live.setting.environment or live.setting.memory_mb)
            try:
                frames.send(worker.connection, message)
            except (BrokenPipeError, ConnectionError):
                continue  # its end is heard of in ``wait``

    def _free(self, live: Live) -> _Worker | None:
        python = interpreter(live.setting, self._session.around.state)
        alike = [one for one in self._workers if one.python == python and not one.is_used]
        idle = next((one for one in alike if not one.jobs), None)
        if idle is not None:
            return idle
        if sum(1 for one in self._workers if one.jobs) < self._session.around.workers:
            return self._hire(python)
        if live.node.kind != "item" or live.node.timeout_ms or live.node.setting is not None:
            return None
        return next((one for one in alike if len(one.jobs) < _IN_HAND), None)

    def _message(self, job: _Job) -> Message:
        live, session = job.live, self._session
        assert live.step is not None
        return {
            **message_of(session, live, self._artifacts, job.number),
            "root": root_of(live.step),
            "secrets": resolved(live.setting.secrets),
            "scratch": str(session.place.folder),
        }

    def _hire(self, python: str) -> _Worker:
        nursery = self._nurseries.get(python)
        if nursery is None:
            nursery = self._nurseries[python] = started(python)
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(nursery.control, [b"fork"], [theirs.fileno()])
            answer = nursery.control.recv(8, socket.MSG_WAITALL)
        except OSError:
            answer = b""
        theirs.close()
        if len(answer) < 8:
            raise Unavailable(
                "pipelines.no_worker",
                f"No worker could be started with {python}.",
                hint="See whether that interpreter runs and can import what Millwright needs.",
            )
        worker = _Worker(int.from_bytes(answer, "big"), ours, frames.Incoming(ours), python)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        return worker

    # Hearing

    def _hear(self, worker: _Worker, message: Message) -> list[Ended]:
        job = worker.jobs[0]
        kind = message["kind"]
        if kind == "began":
            worker.began = time.monotonic()
        elif kind == "lines":
            job.log.write(message["text"])
            sys.stdout.write(message["text"])
        elif kind == "progress":
            self._on_progress(job.live.name, Progress(*message["progress"]))
        else:
            self._pass_on(worker)
            return [heard(job.live, job.log, message)]
        return []

    def _pass_on(self, worker: _Worker) -> None:
        worker.jobs.popleft()
        worker.began = None
        if worker.is_used:
            self._kill(worker)

    def _lose(self, worker: _Worker) -> list[Ended]:
        """A worker ended on its own; the step it had begun is lost, the others wait again."""
        jobs, began = list(worker.jobs), worker.began is not None
        self._kill(worker)
        if not jobs:
            return []
        unbegun = jobs[1:] if began else jobs
        self._queue.extendleft(job.live for job in reversed(unbegun))
        if not began:
            return []
        job = jobs[0]
        message = f"The process of the step {job.live.name!r} ended before the step did."
        error = Unavailable("pipelines.worker_lost", message, hint="Was it out of memory?")
        return [lost(job.live, job.log, message, error)]

    def _time_out(self) -> list[Ended]:
        ended: list[Ended] = []
        for worker in list(self._workers):
            if _left(worker) > 0:
                continue
            job = worker.jobs[0]
            others = [waiting.live for waiting in list(worker.jobs)[1:]]
            self._kill(worker)
            self._queue.extendleft(reversed(others))
            ended.append(timed_out(job.live, job.log))
        return ended

    def _until_timeout(self, seconds: float) -> float:
        return max(0.0, min([seconds, *map(_left, self._workers)]))

    def _kill(self, worker: _Worker) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended already
            os.killpg(worker.process, signal.SIGKILL)
        self._selector.unregister(worker.connection)
        worker.connection.close()
        self._workers.remove(worker)


def _left(worker: _Worker) -> float:
    """Seconds until the step that a worker has begun must end."""
    if worker.began is None or not worker.jobs:
        return float("inf")
    timeout = worker.jobs[0].live.node.timeout_ms
    if timeout is None:
        return float("inf")
    return worker.began + timeout / 1000 - time.monotonic()
