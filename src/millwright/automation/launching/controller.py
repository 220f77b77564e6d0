"""The controller that gives each launched run a worker and keeps it working to its end."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from sqlalchemy.engine import Row

from millwright.automation.launching import service
from millwright.kernel import clock
from millwright.kernel.access import SYSTEM
from millwright.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.pipelines import (
    PipelineRun,
    RunProcess,
    StandingWorker,
    cancel_run,
    fire_due,
    get_run,
    project_of,
    run_summaries,
    unattended_runs,
)

_log = logging.getLogger("millwright.automation")
MOST_WORKER_STARTS = 5
_LAST_WORDS_SECONDS = 10.0
_HOPELESS = (InvalidInput.exit_code, NotFound.exit_code, Forbidden.exit_code)
"""How a worker ends that would end the same way again."""
_AT_REST = ("waiting", "succeeded", "failed", "cancelled")
"""The states in which nobody works on a run; one that waits for a person is adopted once it may go on."""


class LaunchController:
    """Starts workers, as many as this machine has cores, and replaces those that died.

    Runs that somebody queued, that a person let go on, or whose worker was lost are adopted: they
    are executed like those that a schedule or trigger launched.
    """

    def __init__(self, store: Store, url: str | None, *, most_workers: int | None = None) -> None:
        self._store = store
        self._most = most_workers or max(2, os.cpu_count() or 2)
        self._room = 0
        self._workers: dict[str, RunProcess] = {}
        self._ending: list[tuple[float, RunProcess]] = []
        self._standing = StandingWorker(store.workspace, url)

    def reconcile(self) -> None:
        """Begin what was launched first, since somebody may wait for it; then look after the rest."""
        active = service.active(self._store)
        runs = self._runs(active)
        active = [row for row in active if not self._advanced(row, runs)]
        active += self._begun(self._most - len(active))
        fire_due(self._store)
        self._bury()
        project = project_of(self._store.workspace)
        if service.adopt(self._store, project, unattended_runs(self._store, project)):
            active += self._begun(self._room)
            self._room = self._most - len(active)
        if not (active or self._standing.is_warm) and service.expected(self._store):
            self._standing.warm()

    def _begun(self, room: int) -> list[Row[Any]]:
        """Give workers to the launches that there is room for; those launches."""
        return service.activate(self._store, room, self._begin)

    def _begin(self, row: Row[Any]) -> None:
        """Give a worker to a launch, unless its run is over or somebody's."""
        run = get_run(self._store, row.run_id)
        if run.status not in _AT_REST and not _held(run):
            # What was planned before may be long, and is read by whoever goes on with it.
            stored = None if run.graph.nodes else run
            self._workers[row.run_id] = self._standing.begin(row.run_id, stored)

    def shutdown(self) -> None:
        """End the workers; what they finished stays, and the next start continues it."""
        for worker in [*self._workers.values(), *(worker for _, worker in self._ending)]:
            worker.stop()
        self._workers.clear()
        self._ending.clear()
        self._standing.close()

    def _bury(self) -> None:
        """Workers whose run has ended go by themselves; one that does not is ended."""
        for since, worker in list(self._ending):
            late = time.monotonic() - since > _LAST_WORDS_SECONDS
            if worker.poll() is not None or late:
                worker.stop()
                self._ending.remove((since, worker))

    def _runs(self, rows: list[Row[Any]]) -> dict[str, PipelineRun]:
        return run_summaries(self._store, [row.run_id for row in rows]) if rows else {}

    def _advanced(self, row: Row[Any], runs: dict[str, PipelineRun]) -> bool:
        """Whether a launch has ended; one that has not and lacks a worker gets one."""
        run = runs.get(row.run_id)
        worker = self._workers.get(row.run_id)
        if run is None or run.status in _AT_REST:
            if worker is not None:
                self._ending.append((time.monotonic(), self._workers.pop(row.run_id)))
            service.end(self._store, row.run_id)
            return True
        if worker is None and not _held(run):
            self._work(row)
        elif worker is not None and worker.poll() is not None:
            # What it held is free at once: its successor on this machine sees that it is gone.
            self._work(row)
        return False

    def _work(self, row: Row[Any]) -> None:
        dead = self._workers.pop(row.run_id, None)
        code = None if dead is None else dead.stop()
        if dead is not None and (code in _HOPELESS or row.worker_starts >= MOST_WORKER_STARTS):
            self._give_up(row)
            return
        if dead is not None:
            service.count_start(self._store, row.run_id)
        self._workers[row.run_id] = self._standing.begin(row.run_id)

    def _give_up(self, row: Row[Any]) -> None:
        said = last_words(self._store.workspace, row.run_id)
        _log.error("run %s is given up after %d workers: %s", row.run_id, row.worker_starts, said)
        try:
            cancel_run(self._store, SYSTEM, row.run_id)
        except Conflict:
            _log.info("run %s has ended in between", row.run_id)


def _held(run: PipelineRun) -> bool:
    """Whether another worker, such as one of a control plane that just ended, still has it."""
    if run.status != "running" or run.lease_expires is None:
        return False
    return clock.parse_rfc3339(run.lease_expires) > clock.now_ms()


def last_words(workspace: Workspace, run_id: str) -> str:
    """The last line that the worker of a run wrote, at most 500 characters of it."""
    path = workspace.folder("logs") / f"worker-{run_id}.log"
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 4096))
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:500] if lines else ""
