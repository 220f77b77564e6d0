"""Monitor and retraining controller, killed again and again, beside the same that nobody kills.

The children die before the n-th statement that they send to the database or in the middle of a
message on its way, so that every step between a segment in the spool and a retraining is met.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import event, select

from millwright.automation.retraining import RetrainingController
from millwright.automation.tables import retrainings
from millwright.deployment import NewDeployment, deploy, spool_folder
from millwright.kernel import events
from millwright.kernel.access import Actor, Role
from millwright.kernel.clock import rfc3339
from millwright.kernel.door import connect
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.monitoring import MonitorController, list_alerts, list_windows
from millwright.monitoring.ingest import waiting_segments
from millwright.monitoring.tables import alert_messages
from millwright.pipelines.service import cancel_run
from millwright.server.opening import open_store
from monitoring.conftest import PROJECT, World, register

ACTOR = Actor("tester", Role.ADMIN)
CONFIG = """
project: flights
data: {{source: flights.csv, target: late}}
monitoring:
  alerts: {{webhook: "http://127.0.0.1:{port}/hook", group_wait: {wait}, console: false}}
retraining: {{triggers: [data_drift, performance], cooldown: 1d}}
"""
_processes = multiprocessing.get_context("forkserver")
# Children of a process that has imported everything: what is killed is as real, and starts at once.
_processes.set_forkserver_preload(
    [
        "millwright.automation.controllers",
        "millwright.evaluation",
        "millwright.monitoring.measuring",
        "millwright.server.opening",
        "pandas",
        "pyarrow.dataset",
        "pytest",
    ]
)


class Hook(ThreadingHTTPServer):
    """A webhook that keeps what it is sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.messages: list[dict[str, Any]] = []


class _Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        self.server.messages.append(
            json.loads(self.rfile.read(int(self.headers["content-length"])))
        )
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@dataclass
class Watched:
    """A deployment with traffic, watched by controllers that may be killed."""

    world: World
    hook: Hook
    written: dict[str, int] = field(default_factory=dict)
    kills: int = 0

    def week(self, number: int) -> None:
        """A week of traffic: now as in training, now warmer, now with labels that are wrong."""
        warmer = 1.5 if number % 3 == 1 else 0.0
        ids = self.world.traffic(number, 300, warmer=warmer, segments=3)
        self.written[str(number)] = len(ids)
        self.world.label(ids[::2], flip=number % 3 == 2)

    def killed_at(self, step: int, patience_seconds: float = 10.0) -> bool:
        """Let a process go on from what is stored until its ``step``-th step kills it; whether it
        came that far before it had nothing more to do."""
        root = self.world.store.workspace.root
        child = _processes.Process(target=_work, args=(root, step))
        child.start()
        child.join(patience_seconds)
        if child.is_alive():
            child.kill()
            child.join()
        killed = child.exitcode == -signal.SIGKILL
        self.kills += killed
        return killed

    def finish(self) -> None:
        """What is left to do, by controllers that live."""
        _until_idle(self.world.store)
        self.cancel_runs()

    def cancel_runs(self) -> None:
        """End the retrainings' runs, which nobody executes here, so that others may begin."""
        store = self.world.store
        query = select(retrainings.c.pipeline_run_id).where(retrainings.c.status == "running")
        with store.read() as connection:
            running = list(connection.execute(query).scalars())
        for run_id in running:
            cancel_run(store, ACTOR, run_id)
        RetrainingController(store).reconcile()

    def told(self) -> dict[str, Any]:
        """Everything that must be the same whether or not anybody is killed."""
        store = self.world.store
        with store.read() as connection:
            started = [dict(row._mapping) for row in connection.execute(select(retrainings))]
            kinds = {
                kind: len(events.read(connection, kind=kind))
                for kind in ("retraining.started", "alert.raised", "alert.resolved")
            }
            whole = events.verify(connection).ok
        alerts = {alert.id: alert for alert in list_alerts(store, PROJECT)}
        named = {key: f"{alert.kind} {alert.event_time}" for key, alert in alerts.items()}
        unique = {message["id"]: message for message in self.hook.messages}
        return {
            "windows": [
                (w.start, w.n, w.n_labelled, w.status)
                for w in list_windows(store, PROJECT, "flights")
            ],
            "alerts": sorted(
                (alert.kind, alert.event_time, alert.status, alert.windows, alert.title)
                for alert in alerts.values()
            ),
            "retrainings": sorted(
                (
                    rfc3339(row["event_time_ms"]),
                    row["status"],
                    tuple(named[key] for key in json.loads(row["cause"])["alert_ids"]),
                )
                for row in started
            ),
            **kinds,
            "messages": sorted(_told(message, named) for message in unique.values()),
            "record": whole,
        }

    @property
    def repeated(self) -> int:
        """Messages that came again under the id that they had before."""
        return len(self.hook.messages) - len({message["id"] for message in self.hook.messages})


@contextmanager
def watched(root: Path, seed: int = 11, group_wait: str = "0s") -> Iterator[Watched]:
    """A fresh workspace at ``root`` with a deployment, and the webhook that hears of its alerts."""
    hook = Hook()
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    port = hook.server_address[1]
    os.environ["MILLWRIGHT_EGRESS_ALLOW"] = ",".join(
        filter(None, (os.environ.get("MILLWRIGHT_EGRESS_ALLOW"), f"127.0.0.1:{port}"))
    )
    store = open_store(Workspace(root))
    config = CONFIG.format(port=port, wait=group_wait)
    try:
        version = register(store, ACTOR, {"roc_auc": 0.72}, "a")
        with connect(store.workspace) as door:
            door.put(f"/projects/{PROJECT}", {"config": config})
        (root / "millwright.yaml").write_text(config)
        made = deploy(store, ACTOR, PROJECT, "flights", NewDeployment(model="flights", version=1))
        spool = spool_folder(store.workspace, made.id)
        world = World(store, ACTOR, made, spool, {"first": version}, np.random.default_rng(seed))
        yield Watched(world, hook)
    finally:
        store.close()
        hook.shutdown()
        hook.server_close()


def campaign(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill until there were so many kills; what was lost, or is there twice.

    The same weeks go to a deployment whose controllers are never killed: all that is stored and told
    must be the same in the end.
    """
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    with watched(folder / "calm", seed) as calm, watched(folder / "killed", seed) as killed:
        number = 0
        while killed.kills < kills:
            for one in (calm, killed):
                one.week(number)
            while killed.kills < kills and killed.killed_at(chance.randrange(1, 130)):
                if chance.random() < 0.2:
                    break
            for one in (calm, killed):
                one.finish()
            number += 1
        left, right = calm.told(), killed.told()
        assert left["alert.raised"] > 0
        return {
            "kills": killed.kills,
            "weeks": number,
            "alerts": right["alert.raised"],
            "retrainings": right["retraining.started"],
            "messages": len(right["messages"]),
            "repeated": killed.repeated,
            "differences": {
                name: (left[name], right[name]) for name in left if left[name] != right[name]
            },
        }


def _told(message: dict[str, Any], named: dict[str, str]) -> tuple[str, str]:
    data = message["data"]
    listed = data.get("alerts", [data])
    return message["type"], ", ".join(sorted(named[alert["id"]] for alert in listed))


def _until_idle(store: Store) -> None:
    """Reconcile until there is nothing to read, to decide or to tell."""
    monitor, policy = MonitorController(store), RetrainingController(store)
    waiting = select(alert_messages).where(alert_messages.c.state.in_(("waiting", "sending")))
    deadline = time.monotonic() + 30
    try:
        quiet = 0
        while quiet < 3:
            assert time.monotonic() < deadline, "it did not come to rest"
            before = store.changes.count
            monitor.reconcile()
            policy.reconcile()
            with store.read() as connection:
                busy = connection.execute(waiting).first() is not None
            if busy or store.changes.count != before or _left(store):
                quiet = 0
            else:
                quiet += 1
            threading.Event().wait(0.03)
    finally:
        monitor.shutdown()


def _left(store: Store) -> bool:
    """Whether a spool still holds something."""
    root = store.workspace.folder()
    return any(waiting_segments(path.parent) for path in root.rglob("*.arrow"))


def _work(root: Path, step: int) -> None:
    store = open_store(Workspace(root))
    left = [step]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(store.database.engine, "before_cursor_execute", count)
    event.listen(store.database.engine, "commit", count)
    _until_idle(store)
