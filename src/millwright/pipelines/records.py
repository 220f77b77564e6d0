"""The records of pipeline runs: what is stored, what is asked, what is answered."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Base64Bytes, Field, JsonValue

from millwright.kernel.access import Role
from millwright.kernel.config_types import Name
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.fingerprint import Fingerprint
from millwright.pipelines.graph import Graph, NodeKind
from millwright.pipelines.lean_record import Record

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
"""``waiting``: for a person's approval; no process works on it meanwhile."""
TaskStatus = Literal[
    "pending", "running", "waiting", "cached", "succeeded", "failed", "cancelled", "skipped"
]
"""``cancelled``: it was running when the run was cancelled or another step of it failed."""
Trigger = Literal[
    "manual", "schedule", "backfill", "dataset", "upstream", "webhook", "alert", "api"
]
"""What started a run."""
ENDED: tuple[RunStatus, ...] = ("succeeded", "failed", "cancelled")
"""The states that a run does not leave."""
Outcome = Literal["succeeded", "failed", "cancelled"]

COMMITTED: tuple[TaskStatus, ...] = ("cached", "succeeded")
"""The states in which a task's outputs stand."""


class Failure(Record):
    """An exception, as it is stored."""

    kind: str
    message: str
    task: str | None = None
    traceback: str | None = None


class Task(Record):
    """One node of a run and how far it is."""

    name: str
    status: TaskStatus
    attempt: int = 0
    """How often it was started in this run."""
    cache_key: str | None = None
    outputs: dict[str, Artifact] = Field(default_factory=dict)
    reason: tuple[str, ...] = ()
    """What had changed since its last result, where it was not taken from the cache; why it was
    skipped or cancelled, and by whom."""
    started: str | None = None
    finished: str | None = None
    duration_ms: int | None = None
    error: Failure | None = None
    log_digest: str | None = None
    kind: NodeKind = "step"
    parent: str | None = None
    """The map or loop that it is a part of."""


class PipelineRun(Record):
    """One run of a pipeline. ``attempt`` counts claims and fences off the workers before."""

    id: str
    project: str
    name: str
    entry_point: str
    status: RunStatus
    attempt: int
    created: str
    started: str | None = None
    finished: str | None = None
    lease_owner: str | None = None
    lease_expires: str | None = None
    worker_pid: int | None = None
    cancel_requested: bool = False
    cause: dict[str, JsonValue] | None = None
    error: Failure | None = None
    trigger: Trigger = "manual"
    priority: int = 0
    idempotency_key: str | None = None
    code_digest: str | None = None
    """The code that the run was planned with, as an object of the project."""
    not_before: str | None = None
    deadline: str | None = None


class PipelineRunDetail(PipelineRun):
    """A run with its graph and tasks, in the graph's order."""

    params: dict[str, JsonValue]
    graph: Graph
    tasks: tuple[Task, ...]
    cancelled_by: str | None = None
    """Who asked for it to stop, if anybody did."""
    cancel_asked: str | None = None
    """When that was."""


class PipelineRunPage(Record):
    """Some runs, newest first; the token leads to older ones."""

    pipeline_runs: tuple[PipelineRun, ...]
    next_page_token: str | None = None


class NewPipelineRun(Record):
    """A run to be queued."""

    id: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    """Chosen by the caller, so that queueing the same run again finds it."""
    name: Name
    entry_point: str = Field(pattern=r"^[\w.]+:[\w.<>]+$", max_length=300)
    graph: Graph
    cause: dict[str, Any] | None = None
    """Why it exists, such as ``{"schedule": ID}``."""
    trigger: Trigger = "manual"
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=200)
    """Of runs with the same key in a project there is one: asking again gives that one."""
    priority: int = Field(default=0, ge=-1000, le=1000)
    """Of queued runs, those with more are claimed first."""
    not_before_ms: int | None = None
    """It is not claimed before this moment."""
    deadline_ms: int | None = None
    """At this moment it fails, whether it is waiting, running or still queued."""
    max_active: int | None = Field(default=None, ge=1)
    """It is claimed only while fewer runs of its name are running."""
    code_digest: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class Claim(Record):
    """A worker's wish to execute a run.

    ``graph`` and ``code_digest``: for a run that was queued without them; ``code``: the bytes of
    that digest, where they are few and may not be stored yet. ``replaces``: the owner of a lease
    that the caller knows to be dead, so that its time need not be waited out.
    """

    owner: str = Field(max_length=200)
    pid: int | None = None
    lease_ms: int = Field(default=15_000, ge=1_000, le=600_000)
    graph: Graph | None = None
    code_digest: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    code: Base64Bytes | None = None
    replaces: str | None = None


class Fenced(Record):
    """A change by the worker that claimed the run as ``attempt``."""

    attempt: int


class Pulse(Record):
    """The answer to a wave of changes, which is a heartbeat, too."""

    cancel_requested: bool
    lease_expires_ms: int


class TaskChange(Record):
    """What became of a task. Of several changes of one task in a wave the last one stands."""

    task: str
    status: TaskStatus
    attempt: int = 0
    cache_key: str | None = None
    recipe_key: str | None = None
    fingerprint: Fingerprint | None = None
    outputs: dict[str, Artifact] = Field(default_factory=dict)
    reason: tuple[str, ...] = ()
    started_ms: int | None = None
    finished_ms: int | None = None
    error: Failure | None = None
    log_digest: str | None = None
    remember: bool = False
    """Whether later runs may take the outputs from the cache."""


class NewTask(Record):
    """A task that only the run itself could know: one item of a map, one turn of a loop."""

    name: str = Field(max_length=200)
    step: str
    kind: NodeKind
    parent: str
    outputs: tuple[str, ...]
    position: int


class LogPart(Record):
    """Some lines that a step wrote; ``number`` counts the parts of one attempt."""

    task: str
    attempt: int
    number: int
    time_ms: int
    text: str


class Question(Record):
    """A task that waits for a person."""

    task: str
    message: str = Field(max_length=4000)
    role: Role
    expires_ms: int | None = None


class RunEnd(Record):
    """How a run ended, or that it waits for a person and nobody needs to work on it."""

    status: Literal["succeeded", "failed", "cancelled", "waiting"]
    error: Failure | None = None


class ClaimNext(Claim):
    """A worker's wish to execute whatever is queued; it waits a while for something to come."""

    wait_ms: int = Field(default=0, ge=0, le=30_000)


class Wave(Fenced):
    """Changes that are committed together; said twice (the answer was lost), they happen once."""

    number: int
    lease_ms: int = Field(default=15_000, ge=1_000, le=600_000)
    changes: tuple[TaskChange, ...] = Field(default=(), max_length=20_000)
    added: tuple[NewTask, ...] = Field(default=(), max_length=100_000)
    logs: tuple[LogPart, ...] = ()
    questions: tuple[Question, ...] = ()
    objects: tuple[Base64Bytes, ...] = ()
    """Contents of small outputs, stored before the changes that name them."""
    end: RunEnd | None = None


class Launch(Record):
    """A run that its creator executes itself: queued, claimed and begun in one transaction."""

    run: NewPipelineRun
    claim: Claim
    wave: Wave


class Launched(Record):
    """The answer to a launch."""

    run_id: str
    attempt: int


class SlotRequest(Fenced):
    """A task that may only run while it holds slots of a pool."""

    task: str
    pool: str
    slots: int = Field(default=1, ge=1)
    priority: int = 0


class SlotAnswer(Record):
    """Whether the slots are held now."""

    granted: bool


class Pool(Record):
    """How many slots the tasks of a project share under a name, whichever processes run them."""

    name: Name
    slots: int = Field(ge=0)
    held: int = 0


class Decision(Record):
    """What a person said."""

    approve: bool
    reason: str = Field(default="", max_length=4000)


class Approval(Record):
    """A question to people, and the answer once there is one."""

    run_id: str
    task: str
    pipeline: str
    message: str
    role: Role
    asked: str
    expires: str | None = None
    decision: Literal["approved", "rejected"] | None = None
    decided_by: str | None = None
    decided: str | None = None
    reason: str | None = None


class TaskLog(Record):
    """What a step has written so far, from part ``after`` on."""

    attempt: int
    parts: tuple[LogPart, ...]
    ended: bool
    whole: bool = False
    """The parts are all of it, in place of what was told before: the step has ended, or is tried anew."""


class Attempt(Record):
    """One try of a task."""

    task: str
    number: int
    owner: str | None
    started: str
    finished: str | None = None
    outcome: str | None = None
    error: Failure | None = None


class Lookup(Record):
    """Results asked for by the keys of recipes or by those of fingerprints.

    ``steps``: of these the last fingerprint is told, to say what has changed since.
    """

    recipe_keys: tuple[str, ...] = Field(default=(), max_length=100_000)
    keys: tuple[str, ...] = Field(default=(), max_length=100_000)
    steps: tuple[str, ...] = Field(default=(), max_length=1_000)


class Result(Record):
    """One earlier result, all of whose bytes are there."""

    key: str
    recipe_key: str | None
    outputs: dict[str, Artifact]


class Found(Record):
    """The answer to a lookup."""

    results: tuple[Result, ...] = ()
    before: dict[str, Fingerprint] = Field(default_factory=dict)
    """The last fingerprint by step."""
