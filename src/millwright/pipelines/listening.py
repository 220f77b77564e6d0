"""What a caller hears while a pipeline runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from millwright.pipelines.context import Progress

EventKind = Literal[
    "run_started",
    "task_started",
    "task_progress",
    "task_cached",
    "task_retrying",
    "task_succeeded",
    "task_failed",
    "task_cancelled",
    "task_skipped",
    "task_waiting",
    "run_finished",
]


@dataclass(frozen=True)
class PipelineEvent:
    """One thing that happened. ``position`` of ``steps`` counts the steps that are settled."""

    kind: EventKind
    run_id: str
    task: str | None = None
    position: int = 0
    steps: int = 0
    progress: Progress | None = None
    duration_ms: int | None = None
    reason: tuple[str, ...] = ()
    status: str | None = None
    error: str | None = None


OnEvent = Callable[[PipelineEvent], None]


def ignore(_: PipelineEvent) -> None:
    """Hear nothing."""
