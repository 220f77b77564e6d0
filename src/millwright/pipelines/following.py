"""Hearing of a run that another process executes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from millwright.kernel.door import Door
from millwright.kernel.errors import Unavailable
from millwright.pipelines.client import PipelineClient
from millwright.pipelines.listening import EventKind, OnEvent, PipelineEvent
from millwright.pipelines.records import ENDED, PipelineRunDetail, TaskStatus
from millwright.pipelines.result import PipelineResult

_LOOK_SECONDS = 0.25
_KINDS: dict[TaskStatus, EventKind] = {
    "running": "task_started",
    "cached": "task_cached",
    "succeeded": "task_succeeded",
    "failed": "task_failed",
    "cancelled": "task_cancelled",
    "skipped": "task_skipped",
    "waiting": "task_waiting",
}


def follow(
    door: Door,
    run_id: str,
    worker: subprocess.Popen[bytes],
    on_event: OnEvent,
    while_waiting: Callable[[], None] = lambda: None,
) -> PipelineResult:
    """Report a run's steps as they start and end, until the run has ended.

    Args:
        door: the way to the control plane.
        run_id: the run.
        worker: the process that executes it.
        on_event: hears of every step; of steps that start and end between two looks, both.
        while_waiting: called after each look.

    Raises:
        Unavailable: the worker ended and the run had not.
    """
    client = PipelineClient(door)
    seen: dict[str, TaskStatus] = {}
    while True:
        gone = worker.poll() is not None
        run = client.get(run_id)
        for event in _news(run, seen):
            on_event(event)
        if run.status in ENDED:
            return PipelineResult.of(run, door)
        # Where the run is another worker's by now, such as a control plane's, that one ends it.
        if gone and (run.status != "running" or run.worker_pid == worker.pid):
            raise Unavailable(
                "pipelines.worker_ended",
                f"The worker of run {run_id} ended before the run did.",
                hint="Run the same command again: it goes on after the last finished step.",
            )
        while_waiting()
        time.sleep(_LOOK_SECONDS)


def _news(run: PipelineRunDetail, seen: dict[str, TaskStatus]) -> list[PipelineEvent]:
    found: list[PipelineEvent] = []
    for position, task in enumerate(run.tasks):
        before = seen.get(task.name, "pending")
        if task.status == before or task.status not in _KINDS:
            continue
        seen[task.name] = task.status
        kinds = [_KINDS[task.status]]
        if task.status in ("succeeded", "failed") and before == "pending":
            kinds.insert(0, "task_started")
        found += [
            PipelineEvent(
                kind=kind,
                run_id=run.id,
                task=task.name,
                position=position,
                steps=len(run.tasks),
                duration_ms=task.duration_ms,
                reason=task.reason,
                error=None if task.error is None else task.error.message,
            )
            for kind in kinds
        ]
    return found
