"""The records of pipeline runs: what is stored, what is asked, what is answered."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue

from millwright.kernel.config import Name
from millwright.kernel.record import Record
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.fingerprint import Fingerprint, Recipe
from millwright.pipelines.graph import Graph

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
"""``waiting``: for a person's approval; no process works on it meanwhile."""
TaskStatus = Literal["pending", "running", "waiting", "cached", "succeeded", "failed", "skipped"]
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
    """What had changed since its last result, where it was not taken from the cache."""
    started: str | None = None
    finished: str | None = None
    duration_ms: int | None = None
    error: Failure | None = None
    log_digest: str | None = None


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

    ``graph``: as the worker's code plans it now; replaces the stored one. ``replaces``: the owner
    of a lease that the caller knows to be dead, so that its time need not be waited out.
    """

    owner: str = Field(max_length=200)
    pid: int | None = None
    lease_ms: int = Field(default=15_000, ge=1_000, le=600_000)
    graph: Graph | None = None
    replaces: str | None = None


class Fenced(Record):
    """A change by the worker that claimed the run as ``attempt``."""

    attempt: int


class Heartbeat(Fenced):
    """Still alive: the lease is renewed."""

    lease_ms: int = Field(default=15_000, ge=1_000, le=600_000)


class Pulse(Record):
    """The answer to a heartbeat."""

    cancel_requested: bool
    lease_expires_ms: int


class Resolve(Fenced):
    """Recipes of all nodes, in order: those with an earlier result take it at once."""

    recipes: tuple[Recipe, ...]


class StartTask(Fenced):
    """A task whose inputs are known is about to run."""

    fingerprint: Fingerprint
    cache: bool = True


class FinishTask(Fenced):
    """A task made its outputs; their objects are stored already."""

    outputs: dict[str, Artifact]
    cache: bool = True
    log_digest: str | None = None


class FailTask(Fenced):
    """A task raised; it will be tried again unless this was its last time."""

    error: Failure
    last: bool = True
    log_digest: str | None = None


class FinishRun(Fenced):
    """Nothing is left to do."""

    status: Outcome
    error: Failure | None = None


class CacheQuery(Record):
    """Keys whose earlier results are asked for."""

    keys: tuple[str, ...] = Field(max_length=1000)


class CacheAnswer(Record):
    """Outputs by key, for the keys that have some."""

    outputs: dict[str, dict[str, Artifact]]
