"""What an engine says of its run, committed by a thread of its own in waves.

While one wave is being made durable, the engine goes on and the next one gathers. So a step that
takes long is on record as soon as it starts and when it ends, and of a thousand short ones a
hundred share one transaction. The thread also renews the lease and hears of a wish to stop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from millwright.kernel import clock
from millwright.kernel.errors import Unavailable
from millwright.pipelines.doorway import Doorway
from millwright.pipelines.records import (
    LogPart,
    NewTask,
    Question,
    RunEnd,
    TaskChange,
    Wave,
)

_LINES_MS = 100
"""Lines that a step writes wait so long for company before they are committed."""
_MOST_CHANGES = 5_000
_PATIENCE_SECONDS = 60.0


@dataclass
class _Said:
    changes: list[TaskChange] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    added: list[NewTask] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    lines: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    end: RunEnd | None = None

    def is_pressing(self) -> bool:
        return bool(self.changes or self.added or self.questions or self.end)


class Journal:
    """The changes of one claimed run on their way to the ledger; a context manager.

    Attributes:
        attempt: the number of the claim, which fences every wave.
    """

    def __init__(
        self,
        doorway: Doorway,
        project: str,
        run_id: str,
        attempt: int,
        *,
        lease_ms: int,
        number: int,
    ) -> None:
        self.attempt = attempt
        self._doorway, self._project, self._run_id = doorway, project, run_id
        self._lease_ms = lease_ms
        self._number = number
        self._said = _Said()
        self._condition = threading.Condition()
        self._idle = True
        self._closing = False
        self._error: Exception | None = None
        self._parts: dict[tuple[str, int], int] = {}
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pipeline-journal", daemon=True)

    @property
    def cancelled(self) -> bool:
        """Whether the run should stop: somebody asked for it, or another worker has it."""
        return self._cancelled.is_set()

    @property
    def error(self) -> Exception | None:
        """Why nothing is committed any more."""
        return self._error

    def say(self, change: TaskChange, contents: Sequence[bytes] = ()) -> None:
        """A change of a task, and the bytes of its outputs."""
        with self._condition:
            said = self._said.changes
            if said and said[-1].status == "running" and said[-1].task == change.task:
                said.pop()  # it began and ended within one wave, which tells both
            said.append(change)
            self._said.contents += contents
            if change.log_digest is not None:
                self._said.lines.pop((change.task, change.attempt), None)
            if self._idle:  # else the thread is committing, and looks by itself when it is done
                self._condition.notify_all()

    def keep(self, contents: Sequence[bytes]) -> None:
        """Bytes that a later change names; they are stored before it is committed."""
        with self._condition:
            self._said.contents += contents

    def add(self, tasks: Sequence[NewTask]) -> None:
        """Tasks that only the run could know."""
        with self._condition:
            self._said.added += tasks
            self._condition.notify_all()

    def ask(self, question: Question) -> None:
        """A question to people."""
        with self._condition:
            self._said.questions.append(question)
            self._condition.notify_all()

    def write(self, task: str, attempt: int, text: str) -> None:
        """Lines of a step, for whoever watches."""
        with self._condition:
            self._said.lines.setdefault((task, attempt), []).append(text)
            self._condition.notify_all()

    def settle(self) -> None:
        """Wait until all that was said is durable.

        Raises:
            MillwrightError: it cannot be; another worker may own the run.
        """
        with self._condition:
            self._condition.wait_for(
                lambda: (
                    self._error is not None
                    or (self._idle and not self._said.is_pressing() and not self._said.lines)
                )
            )
        if self._error is not None:
            raise self._error

    def end(self, end: RunEnd) -> None:
        """Say how the run ended, and wait until that is durable; errors as of ``settle``."""
        with self._condition:
            self._said.end = end
            self._condition.notify_all()
        self.settle()

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the run should stop."""
        self._cancelled.wait(seconds)

    def __enter__(self) -> Journal:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while self._error is None:
            said = self._next()
            if said is None:
                return
            self._commit(said)
            with self._condition:
                self._idle = True
                self._condition.notify_all()

    def _next(self) -> _Said | None:
        """What was said since, after a third of the lease at the latest; None at the end."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._closing or self._said.is_pressing() or self._said.lines,
                timeout=self._lease_ms / 3000,
            )
            if self._said.lines:
                self._condition.wait_for(
                    lambda: self._closing or self._said.is_pressing(), timeout=_LINES_MS / 1000
                )
            said = self._said
            if self._closing and not said.is_pressing() and not said.lines:
                return None
            self._said, self._idle = _Said(), False
            if len(said.changes) > _MOST_CHANGES:
                self._said.changes = said.changes[_MOST_CHANGES:]
                self._said.end, said.end = said.end, None
                said.changes = said.changes[:_MOST_CHANGES]
            return said

    def _commit(self, said: _Said) -> None:
        self._number += 1
        wave = Wave(
            attempt=self.attempt,
            number=self._number,
            lease_ms=self._lease_ms,
            changes=tuple(said.changes),
            added=tuple(said.added),
            questions=tuple(said.questions),
            logs=tuple(self._log_part(key, texts) for key, texts in said.lines.items()),
            end=said.end,
        )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                pulse = self._doorway.commit(self._project, self._run_id, wave, said.contents)
            except Unavailable as error:
                # The server may be restarting. The wave has a number: said twice, it happens once.
                if time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                self._stop(error)
            except Exception as error:  # it is raised again in the engine's thread
                self._stop(error)
            else:
                if pulse.cancel_requested:
                    self._cancelled.set()
            return

    def _log_part(self, key: tuple[str, int], texts: list[str]) -> LogPart:
        number = self._parts[key] = self._parts.get(key, -1) + 1
        return LogPart(
            task=key[0], attempt=key[1], number=number, time_ms=clock.now_ms(), text="".join(texts)
        )

    def _stop(self, error: Exception) -> None:
        with self._condition:
            self._error = error
            self._condition.notify_all()
        self._cancelled.set()
