"""Steps that are sent to a cluster, as many at a time as it has room for."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.board import Live
from millwright.pipelines.executors.remote_call import Sender
from millwright.pipelines.graph import Reference
from millwright.pipelines.messages import Ended, Message, timed_out
from millwright.pipelines.session import Session
from millwright.pipelines.step_log import StepLog

K = TypeVar("K")


@dataclass(frozen=True)
class Sent:
    """A step that is in the cluster."""

    live: Live
    log: StepLog
    since: float


class Elsewhere(ABC, Generic[K]):
    """The steps of one engine in a cluster, each under what the cluster calls it."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self._sender = Sender(session, name)
        self._queue: deque[tuple[Live, Mapping[Reference, Artifact]]] = deque()
        self._sent: dict[K, Sent] = {}

    @property
    def busy(self) -> bool:
        """Whether any step is in the cluster or on its way there."""
        return bool(self._queue or self._sent)

    def submit(self, live: Live, artifacts: Mapping[Reference, Artifact]) -> None:
        """Send a step, once the cluster has room for it."""
        self._queue.append((live, artifacts))
        self._dispatch()

    @abstractmethod
    def _room(self) -> int:
        """How many steps may be in the cluster at a time."""

    @abstractmethod
    def _send(self, live: Live, message: Message) -> K:
        """Have the cluster call a step; what it calls that."""

    @abstractmethod
    def _stop(self, key: K) -> None:
        """End a call, whatever it is doing."""

    def _dispatch(self) -> None:
        while self._queue and len(self._sent) < self._room():
            live, artifacts = self._queue.popleft()
            message = self._sender.message(live, artifacts)
            log = self._session.log(live, elsewhere=True)
            self._sent[self._send(live, message)] = Sent(live, log, time.monotonic())

    def _time_out(self) -> list[Ended]:
        ended = []
        for key, sent in list(self._sent.items()):
            timeout = sent.live.node.timeout_ms
            if timeout is None or time.monotonic() - sent.since < timeout / 1000:
                continue
            self._stop(key)
            del self._sent[key]
            ended.append(timed_out(sent.live, sent.log))
        return ended
