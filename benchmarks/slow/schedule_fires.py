"""Thousands of cron fires across changes of the wall clock, two schedulers, and SIGKILLs: each once.

``python benchmarks/slow/schedule_fires.py [--kills 150] [--seed 1]``

Two processes fire on one SQLite store while the clock runs through the days around changes to and
from daylight saving time on three continents, and each is killed at random moments. Afterwards the
fires are compared with a loop over every minute. Exit code 1 when one is missing or was made twice.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import signal
import sqlite3
import struct
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "automation" / "schedules"))

from cron_oracle import fires

from millwright.automation.schedules import service
from millwright.automation.schedules.controller import ScheduleController
from millwright.kernel.access import SYSTEM
from millwright.kernel.clock import parse_rfc3339, rfc3339
from millwright.kernel.config_automation import ScheduleConfig
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store

HOUR_MS = 3_600_000
DAYS = 5
ZONES = {
    "Europe/Berlin": ("2024-03-30T00:00:00Z", "2024-10-26T00:00:00Z"),
    "America/New_York": ("2024-03-09T00:00:00Z", "2024-11-02T00:00:00Z"),
    "Australia/Lord_Howe": ("2024-10-05T00:00:00Z", "2024-04-06T00:00:00Z"),
}
CRONS = ("*/5 * * * *", "*/10 1-4 * * *", "0,30 * * * *", "30 2 * * *", "0,15,30,45 1-3 * * *")


def main() -> int:
    """Run the campaign; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        wanted = {name: spans(*rest) for name, rest in schedules().items()}
        create(root)
        kills = live(root, chance, options.kills)
        found = fired(root)
    missed = sum(len(set(times) - set(found.get(name, []))) for name, times in wanted.items())
    made = sum(len(times) for times in found.values())
    total = sum(len(times) for times in wanted.values())
    double = made - len({(name, t) for name, times in found.items() for t in times})
    foreign = sum(len(set(found.get(name, [])) - set(times)) for name, times in wanted.items())
    cpu = sum(os.times()[:4])
    print(
        f"{total} fires due, {made} made, {missed} missed, {double} double, {foreign} not due, "
        f"{kills} kills, {cpu:.1f} CPU-s"
    )
    return 1 if missed or double or foreign else 0


def schedules() -> dict[str, tuple[str, str, str]]:
    """By name: the expression, the zone, and the day before a change of its clock."""
    return {
        f"{zone.split('/')[1]}-{number}-{index}": (cron, zone, day)
        for zone, days in ZONES.items()
        for number, day in enumerate(days)
        for index, cron in enumerate(CRONS)
    }


def spans(cron: str, zone: str, day: str) -> list[int]:
    """What should fire, by a loop over every minute."""
    start = parse_rfc3339(day)
    return fires(cron, zone, start, start + DAYS * 24 * HOUR_MS - 1)


def create(root: Path) -> None:
    """The schedules, each bounded to its days and to be caught up from their beginning."""
    store = open_store(Workspace(root))
    for name, (cron, zone, day) in schedules().items():
        start = parse_rfc3339(day)
        config = ScheduleConfig(
            pipeline="flow.py:weekly",
            cron=cron,
            timezone=zone,
            start=rfc3339(start + 1),
            end=rfc3339(start + DAYS * 24 * HOUR_MS),
            catch_up="all",
        )
        service.put_schedule(store, SYSTEM, "p", name, config)
    store.close()


def live(root: Path, chance: random.Random, kills: int) -> int:
    """Let the clock run, killing one scheduler after the other; how often that was done."""
    clock = mmap.mmap(-1, 8)
    moments = sorted(
        {
            parse_rfc3339(day) + hour * HOUR_MS
            for days in ZONES.values()
            for day in days
            for hour in range(DAYS * 24 + 1)
        }
    )
    set_clock(clock, moments[0])
    both = [start(root, clock), start(root, clock)]
    done = 0
    for index, moment in enumerate(moments):
        set_clock(clock, moment)
        time.sleep(chance.uniform(0.0, 0.1))
        if done < kills and chance.random() < kills / len(moments):
            both[index % 2] = restarted(both[index % 2], root, clock)
            done += 1
    while due(root, moments[-1]):
        time.sleep(0.05)
    for process in both:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    return done


def restarted(process: int, root: Path, clock: mmap.mmap) -> int:
    """Kill a scheduler and start it again."""
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return start(root, clock)


def start(root: Path, clock: mmap.mmap) -> int:
    """A scheduler in a process of its own; its id."""
    process = os.fork()
    if process:
        return process
    try:
        store = open_store(Workspace(root))
        controller = ScheduleController(store, lambda: struct.unpack("<q", clock[:8])[0])
        while True:
            controller.reconcile()
            time.sleep(0.002)
    finally:
        os._exit(1)


def set_clock(clock: mmap.mmap, moment: int) -> None:
    """Make it this moment."""
    clock[:8] = struct.pack("<q", moment)


def query(root: Path, text: str, *values: object) -> list[tuple[object, ...]]:
    """Rows of the store, read beside the schedulers."""
    connection = sqlite3.connect(root / ".millwright" / "millwright.db", timeout=30)
    try:
        return connection.execute(text, values).fetchall()
    finally:
        connection.close()


def due(root: Path, now: int) -> bool:
    """Whether something is still to fire."""
    return bool(query(root, "SELECT 1 FROM schedules WHERE next_ms <= ? LIMIT 1", now))


def fired(root: Path) -> dict[str, list[int]]:
    """The fires whose run was queued, by schedule; a fire with two runs stands twice."""
    found: dict[str, list[int]] = {}
    for cause in query(root, "SELECT cause FROM pipeline_runs WHERE status = 'queued'"):
        known = json.loads(str(cause[0]))
        found.setdefault(known["schedule"], []).append(parse_rfc3339(known["fire_time"]))
    return found


if __name__ == "__main__":
    sys.exit(main())
