"""One run as its engine holds it: what it is, the way to the ledger, and what is near at hand.

A new run is entered in the ledger with the first wave of changes, so one all of whose steps are
known costs a single transaction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millwright.kernel.objects import digest_of
from millwright.pipelines.artifacts import Artifact, Kind
from millwright.pipelines.board import Live
from millwright.pipelines.call import Scratch
from millwright.pipelines.code_digest import code_of
from millwright.pipelines.doorway import Doorway
from millwright.pipelines.dsl import Plan
from millwright.pipelines.fingerprint import Fingerprint
from millwright.pipelines.journal import Journal
from millwright.pipelines.listening import OnEvent
from millwright.pipelines.records import (
    COMMITTED,
    Claim,
    Found,
    Launch,
    Lookup,
    NewPipelineRun,
    NewTask,
    Question,
    RunEnd,
    SlotRequest,
    Task,
    TaskChange,
    Wave,
)
from millwright.pipelines.secret_values import resolved
from millwright.pipelines.step_log import StepLog
from millwright.pipelines.trusted import trusted

if TYPE_CHECKING:
    from millwright.kernel.door import Door
    from millwright.pipelines.steps import Step

_RECENT_BYTES = 32 << 20


@dataclass(frozen=True)
class Surroundings:
    """Where an engine works.

    ``door`` is opened when a step asks for it; ``address`` says how a worker finds the same.
    """

    doorway: Doorway
    project: str
    door: Callable[[], Door]
    place: Path
    state: Path
    address: dict[str, str | None]
    on_event: OnEvent
    lease_ms: int
    workers: int
    executor: str | None = None
    """Where steps run, as a URL; None for processes of this machine."""


@dataclass
class Session:
    """One run in this process."""

    around: Surroundings
    plan: Plan
    run_id: str
    attempt: int
    deadline_ms: int | None = None
    new: NewPipelineRun | None = None
    """The run, while it is not in the ledger yet."""
    claim: Claim | None = None
    tasks: Mapping[str, Task] = field(default_factory=dict)
    """What the ledger knew when the run was claimed."""
    _journal: Journal | None = None
    first_contents: list[bytes] = field(default_factory=list)
    """Bytes that go with the first wave."""
    _first: list[TaskChange] = field(default_factory=list)
    _recent: dict[str, bytes] = field(default_factory=dict)
    _recent_bytes: int = 0
    _before: dict[str, Fingerprint] | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.project = self.around.project
        self.on_event = self.around.on_event
        self.place = Scratch(lambda: self.around.place)
        self.stored = {name: task.status for name, task in self.tasks.items()}
        if self.new is None:
            self._open_journal(0)

    # The way to the ledger

    @property
    def cancelled(self) -> bool:
        """Whether the run should stop."""
        return self._journal is not None and self._journal.cancelled

    @property
    def error(self) -> Exception | None:
        """Why nothing can be committed any more."""
        return None if self._journal is None else self._journal.error

    def begin(self) -> Journal:
        """Enter the run in the ledger, if it is not there yet."""
        if self._journal is None:
            self._launch(None)
            self._open_journal(1)
        assert self._journal is not None
        return self._journal

    def say(self, change: TaskChange, contents: Sequence[bytes] = ()) -> None:
        """A change of a task; before the run has begun it waits for the first wave."""
        if self._journal is None:
            self._first.append(change)
            self.first_contents += contents
        else:
            self._journal.say(change, contents)

    def add(self, tasks: Sequence[NewTask]) -> None:
        """Tasks that only the run could know."""
        if tasks:
            self.begin().add(tasks)

    def ask(self, question: Question) -> None:
        """A question to people."""
        self.begin().ask(question)

    def settle(self) -> None:
        """Wait until all that was said is durable."""
        self.begin().settle()

    def end(self, end: RunEnd) -> None:
        """Say how the run ended; durable on return."""
        if self._journal is None:
            self._launch(end)
        else:
            self._journal.end(end)

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the run should stop."""
        self.begin().pause(seconds)

    def look_up(self, wanted: Lookup) -> Found:
        """Earlier results of steps."""
        return self.around.doorway.look_up(self.project, wanted)

    def slots(self, request: SlotRequest) -> bool:
        """Whether a task holds the slots that it asks for."""
        self.begin()
        return self.around.doorway.slots(self.project, self.run_id, request).granted

    def close(self) -> None:
        """End the journal's thread and remove the folder."""
        self._stack.close()
        self.place.remove()

    # What is near at hand

    def before(self, step: str) -> Fingerprint | None:
        """The fingerprint of the last result of a step in the project, if there is one."""
        if self._before is None:
            steps = {node.step for node in self.plan.graph.nodes}
            steps |= {node.until for node in self.plan.graph.nodes if node.until is not None}
            found = self.look_up(Lookup(steps=tuple(sorted(steps))[:1000]))
            self._before = dict(found.before)
        return self._before.get(step)

    def has_history(self, step: str) -> bool:
        """Whether the project has any result of a step; if not, nobody needs to look for one."""
        return self.before(step) is not None

    def code(self, step: Step[..., Any]) -> dict[str, str]:
        """What a step does, as digests."""
        return code_of(step.function)

    def fetch(self, digest: str) -> bytes:
        """The bytes of an output."""
        with self._lock:
            found = self._recent.get(digest)
        return self.around.doorway.read(self.project, [digest])[0] if found is None else found

    def put(self, content: bytes | Path) -> str:
        """Store an output that is too large to travel with its wave."""
        return self.around.doorway.put(self.project, content)

    def store(self, kind: Kind, content: bytes) -> Artifact:
        """An artifact that the engine makes; its bytes go with the next wave."""
        digest = digest_of(content)
        self.remember({digest: content})
        self.begin().keep([content])
        return trusted(
            Artifact, digest=digest, kind=kind, size=len(content), name=None, trusted_by=None
        )

    def remember(self, contents: Mapping[str, bytes]) -> None:
        """Bytes that are on their way to the store, by digest, stay at hand until they are there."""
        with self._lock:
            self._recent |= contents
            self._recent_bytes += sum(map(len, contents.values()))
            if self._recent_bytes <= _RECENT_BYTES:
                return
        self.settle()
        with self._lock:
            self._recent.clear()
            self._recent_bytes = 0

    def kept(self, log: bytes, contents: list[bytes]) -> str | None:
        """The digest of a log, whose bytes are added to those of the wave; None if it is empty."""
        if not log:
            return None
        contents.append(log)
        return digest_of(log)

    def log(self, live: Live, *, elsewhere: bool = False) -> StepLog:
        """A log for one call, whose lines are committed as they come.

        What a worker on another machine sends has its secrets, which only it knows, covered.
        """
        journal, name, attempt = self.begin(), live.name, live.attempt
        known_here = live.setting.secrets and not elsewhere
        secrets = resolved(live.setting.secrets) if known_here else {}
        return StepLog(lambda text: journal.write(name, attempt, text), secrets.values())

    # What was done before this process came

    def restore(self, live: Live) -> None:
        """Go on counting where the ledger is."""
        task = self.tasks.get(live.name)
        if task is not None:
            live.attempt = task.attempt

    def committed(self, name: str) -> dict[str, Artifact] | None:
        """The outputs that the run has committed for a task."""
        task = self.tasks.get(name)
        return task.outputs if task is not None and task.status in COMMITTED else None

    def _launch(self, end: RunEnd | None) -> None:
        assert self.new is not None
        assert self.claim is not None
        wave = trusted(Wave, attempt=1, number=1, lease_ms=self.around.lease_ms,
            changes=tuple(self._first), added=(), logs=(), questions=(),
            objects=tuple(self.first_contents), end=end,
        )  # fmt: skip
        launch = trusted(Launch, run=self.new, claim=self.claim, wave=wave)
        self.around.doorway.launch(self.project, launch)
        self._first.clear()
        self.first_contents.clear()

    def _open_journal(self, number: int) -> None:
        journal = Journal(
            self.around.doorway,
            self.project,
            self.run_id,
            self.attempt,
            lease_ms=self.around.lease_ms,
            number=number,
        )
        self._journal = self._stack.enter_context(journal)
