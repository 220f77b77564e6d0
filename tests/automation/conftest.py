"""A small world that changes, a project on it, and the real processes of `mw up` around it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from each_database import each_database, postgres_template
from millwright.automation.client import list_retrainings
from millwright.automation.records import Retraining
from millwright.demo.traffic import requests, send
from millwright.deployment import DeploymentView
from millwright.deployment.client import get_deployment
from millwright.kernel.door import Door, connect
from millwright.kernel.workspace import Workspace
from millwright.monitoring import Window, send_labels
from millwright.monitoring.client import windows
from millwright.registry import get_version

__all__ = ["each_database", "postgres_template"]

MW = Path(sys.executable).parent / "mw"
PROJECT = "orders"
FIRST_DAY = datetime(2024, 3, 1, tzinfo=UTC)
ROWS_PER_DAY = 500
PATIENCE_SECONDS = 120.0
T = TypeVar("T")

PROJECT_FILE = f"""\
project: {PROJECT}
data: {{source: data, target: late, time: at, ignore: [row]}}
features: {{calendar: false}}
training: {{budget: 2s, metric: roc_auc, families: [lightgbm]}}
evaluation:
  gates:
    - {{metric: roc_auc, min: 0.6}}
deployment:
  canary: {{share: 0.5, min_labels: 200, max_windows: 3, confidence: 0.9}}
monitoring:
  window: 1d
  min_rows: 100
  latency: {{p95_ms: 5000}}
  drift: {{threshold: 0.2, share: 0.3}}
retraining:
  triggers: [data_drift]
  window: 4d
  windowing: sliding
  holdout: 12h
  cooldown: 30d
  budget: 2s
"""


def day(number: int, *, moved: bool, changed: bool) -> pa.Table:
    """Orders of a day. Where the world has ``changed``, what decides lateness is elsewhere and
    means the opposite; where it only ``moved``, what means nothing is elsewhere."""
    rng = np.random.default_rng([17, number])
    load, distance, colour, weather = rng.normal(0, 1, (4, ROWS_PER_DAY))
    late = 1 / (1 + np.exp(-(2.0 * load - 1.0 * distance) * (-1 if changed else 1)))
    deciding, idle = 6.0 * changed, 6.0 * (moved and not changed)
    start = FIRST_DAY + timedelta(days=number)
    step = timedelta(days=1) / ROWS_PER_DAY
    return pa.table(
        {
            "row": [f"{number}-{i}" for i in range(ROWS_PER_DAY)],
            "at": [start + step * i for i in range(ROWS_PER_DAY)],
            "load": load + deciding,
            "distance": distance + deciding,
            "colour": colour + idle,
            "weather": weather + idle,
            "late": np.where(rng.random(ROWS_PER_DAY) < late, "yes", "no"),
        }
    )


def processes_of(folder: Path) -> dict[int, str]:
    """The running processes that name a folder in their command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if str(folder) in line and state != "Z":
            found[int(entry.name)] = line
    return found


def until(there: Callable[[], T | None], what: str) -> T:
    """Wait until a condition gives something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = there()
        if found is not None:
            return found
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS:.0f} s for {what}"
        time.sleep(0.05)


@dataclass
class World:
    """What a day's orders do to the project, asked and answered through the public door."""

    folder: Path
    changes: bool
    up: subprocess.Popen[str] | None = field(default=None)

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.folder)

    def mw(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(MW), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        """`mw up`, until it says where it is."""
        self.up = subprocess.Popen(
            [str(MW), "up", "--port", "0"],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.up.stdout is not None
        line = self.up.stdout.readline()
        assert "Millwright is up at" in line, line + self.up.stdout.read()

    def stop(self) -> None:
        """As Ctrl-C does."""
        assert self.up is not None
        self.up.send_signal(signal.SIGTERM)
        said = self.up.communicate(timeout=60)[0]
        assert self.up.returncode == 0, said
        assert "Traceback" not in said

    @contextmanager
    def door(self) -> Iterator[Door]:
        with connect(self.workspace, patience_seconds=60) as opened:
            yield opened

    def deliver(self, number: int) -> None:
        """The day's orders with their outcomes, as a file to train on."""
        folder = self.folder / "data"
        folder.mkdir(exist_ok=True)
        pq.write_table(self.day(number), folder / f"day-{number:03}.parquet")

    def day(self, number: int) -> pa.Table:
        moved = number >= 10
        return day(number, moved=moved, changed=moved and self.changes)

    def ask(self, number: int) -> None:
        """The day's orders as traffic."""
        with self.door() as door:
            signature = get_version(door, PROJECT, PROJECT, 1).signature
            table = self.day(number)
            times = [moment.isoformat() for moment in table["at"].to_pylist()]
            ids = table["row"].to_pylist()
            work = list(requests(table, signature, ids, times, f"day-{number}"))
            send(self.endpoint, f"/v2/models/{PROJECT}/infer", work, lambda _: None)

    def endpoint(self) -> str:
        """Where the inference server is now; it may just be coming back."""

        def found() -> str | None:
            view = self.deployment()
            return view.endpoint if view.health == "ready" else None

        return until(found, "the inference server")

    def tell_truth(self, number: int) -> None:
        """The day's outcomes, as labels."""
        table = self.day(number)
        labels = dict(zip(table["row"].to_pylist(), table["late"].to_pylist(), strict=True))
        with self.door() as door:
            send_labels(door, PROJECT, PROJECT, labels)

    def deployment(self) -> DeploymentView:
        with self.door() as door:
            return get_deployment(door, PROJECT, PROJECT)

    def champion(self) -> int:
        """The number of the version that is champion of the deployment."""
        return self.deployment().variants[0].version

    def windows(self) -> dict[str, Window]:
        with self.door() as door:
            return {found.start[:10]: found for found in windows(door, PROJECT, PROJECT)}

    def retrainings(self) -> list[Retraining]:
        with self.door() as door:
            return list_retrainings(door, PROJECT)

    def window_of(self, number: int, *, labelled: int = 0) -> Window:
        """Wait until the day's window has been closed, with at least so many labels."""
        start = (FIRST_DAY + timedelta(days=number)).date().isoformat()

        def closed() -> Window | None:
            found = self.windows().get(start)
            there = found is not None and found.status == "closed" and found.n_labelled >= labelled
            return found if there else None

        return until(closed, f"the window of {start}")

    def retraining(self, *statuses: str) -> Retraining:
        """Wait until the one retraining is in one of these states."""

        def there() -> Retraining | None:
            found = self.retrainings()
            return found[0] if found and found[0].status in statuses else None

        return until(there, f"a retraining that is {' or '.join(statuses)}")


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., World]]:
    """A project on ten days of orders, trained and served by `mw up`."""
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    worlds: list[World] = []

    def start(*, changes: bool) -> World:
        world = World(tmp_path, changes)
        worlds.append(world)
        (tmp_path / "millwright.yaml").write_text(PROJECT_FILE)
        for number in range(10):
            world.deliver(number)
        world.start()
        world.mw("run")
        world.mw("deploy")
        return world

    yield start
    for world in worlds:
        if world.up is not None and world.up.poll() is None:
            world.up.kill()
            world.up.wait()
        if world.up is not None and world.up.stdout is not None:
            world.up.stdout.close()


@dataclass(frozen=True)
class Processes:
    """Looking at the machine's processes, and waiting for what they do."""

    of = staticmethod(processes_of)
    until = staticmethod(until)


@pytest.fixture
def processes() -> Processes:
    return Processes()
