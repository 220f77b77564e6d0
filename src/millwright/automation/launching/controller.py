"""The controller that gives each launched run a worker and keeps it working to its end."""

from __future__ import annotations

import logging
import os
import subprocess
from typing import Any

from sqlalchemy.engine import Row

from millwright.automation.launching import service
from millwright.kernel import clock, process
from millwright.kernel.access import SYSTEM
from millwright.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.pipelines import (
    PipelineRun,
    cancel_run,
    run_summaries,
    spawn_worker,
)

_log = logging.getLogger("millwright.automation")
MOST_WORKER_STARTS = 5
_HOPELESS = (InvalidInput.exit_code, NotFound.exit_code, Forbidden.exit_code)
"""How a worker ends that would end the same way again."""
_ENDED = ("succeeded", "failed", "cancelled")


class LaunchController:
    """Starts workers, as many as this machine has cores, and replaces those that died."""

    def __init__(self, store: Store, url: str | None, *, most_workers: int | None = None) -> None:
        self._store = store
        self._url = url
        self._most = most_workers or max(2, os.cpu_count() or 2)
        self._workers: dict[str, subprocess.Popen[bytes]] = {}

    def reconcile(self) -> None:
        """Follow the runs in progress, then begin those that there is room for."""
        active = service.active(self._store)
        active = [row for row in active if not self._advanced(row, self._runs(active))]
        if service.activate(self._store, self._most - len(active)):
            fresh = service.active(self._store)
            runs = self._runs(fresh)
            for row in fresh:
                self._advanced(row, runs)

    def shutdown(self) -> None:
        """End the workers; what they finished stays, and the next start continues it."""
        for worker in self._workers.values():
            process.stop(worker)
        self._workers.clear()

    def _runs(self, rows: list[Row[Any]]) -> dict[str, PipelineRun]:
        return run_summaries(self._store, [row.run_id for row in rows]) if rows else {}

    def _advanced(self, row: Row[Any], runs: dict[str, PipelineRun]) -> bool:
        """Whether a launch has ended; one that has not and lacks a worker gets one."""
        run = runs.get(row.run_id)
        worker = self._workers.get(row.run_id)
        if run is None or run.status in _ENDED:
            if worker is not None:
                process.stop(self._workers.pop(row.run_id))
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
        code = None if dead is None else process.stop(dead)
        if code in _HOPELESS or row.worker_starts >= MOST_WORKER_STARTS:
            self._give_up(row)
            return
        service.count_start(self._store, row.run_id)
        self._workers[row.run_id] = spawn_worker(
            row.run_id, workspace=self._store.workspace, url=self._url
        )

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
