"""Each moment fires once: with two schedulers that are killed at any point, and whatever was missed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from millwright.automation.schedules import service
from millwright.automation.schedules.controller import ScheduleController
from millwright.automation.schedules.firing import fire_due
from millwright.automation.schedules.tables import schedule_fires
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.clock import parse_rfc3339, rfc3339
from millwright.kernel.config_automation import ScheduleConfig
from millwright.kernel.errors import Conflict
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.pipelines import get_run
from millwright.server.opening import open_store

from .cron_oracle import fires

pytestmark = pytest.mark.usefixtures("each_database")

HOUR_MS = 3_600_000
SPRING = parse_rfc3339("2024-03-30T20:00:00Z")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set the clock."""

    def move(moment_ms: int) -> None:
        monkeypatch.setattr(clock, "now_ms", lambda: moment_ms)

    return move


def config(cron: str, **keys: Any) -> ScheduleConfig:
    given = {"pipeline": "flow.py:weekly", "timezone": "Europe/Berlin", "catch_up": "all", **keys}
    return ScheduleConfig(cron=cron, **given)


def fired(store: Store) -> list[tuple[int, str | None]]:
    table = schedule_fires.c
    with store.read() as connection:
        rows = connection.execute(select(table.fire_ms, table.run_id).order_by(table.fire_ms))
        return [(row.fire_ms, row.run_id) for row in rows]


def test_a_fire_is_a_queued_run_that_knows_its_interval(
    store: Store, actor: Actor, at: Callable[[int], None]
) -> None:
    at(SPRING)
    params = {"day": "{interval_start}", "until": "{interval_end}", "file": "{fire_date}.csv"}
    service.put_schedule(store, actor, "p", "nightly", config("30 2 * * *", params=params))

    assert fire_due(store, SPRING + 5 * HOUR_MS - 1) == 0
    assert fire_due(store, SPRING + 5 * HOUR_MS) == 1

    (fire,) = service.get_schedule(store, "p", "nightly").latest
    assert fire.run_id is not None
    run = get_run(store, fire.run_id)
    assert (run.status, run.entry_point) == ("queued", "flow:weekly")
    assert run.cause == {"schedule": "nightly", "fire_time": "2024-03-31T01:00:00.000Z"}
    assert run.params == {
        "day": "2024-03-30T01:30:00.000Z",
        "until": "2024-03-31T01:00:00.000Z",
        "file": "2024-03-31.csv",
    }


@pytest.mark.parametrize(("catch_up", "started"), [("all", 6), ("latest", 1), ("skip", 1)], ids=str)
def test_what_was_missed_is_caught_up_as_the_policy_says(
    catch_up: str, started: int, store: Store, actor: Actor, at: Callable[[int], None]
) -> None:
    at(SPRING)
    service.put_schedule(store, actor, "p", "s", config("0 * * * *", catch_up=catch_up))

    assert fire_due(store, SPRING + 6 * HOUR_MS + 20_000) == started

    found = fired(store)
    assert [fire for fire, _ in found] == [SPRING + n * HOUR_MS for n in range(1, 7)]
    assert [run is not None for _, run in found] == [False] * (6 - started) + [True] * started


def test_a_start_in_the_past_is_caught_up_only_where_all_is_asked_for(
    store: Store, actor: Actor, at: Callable[[int], None]
) -> None:
    at(SPRING)
    start = rfc3339(SPRING - 3 * HOUR_MS)
    service.put_schedule(store, actor, "p", "all", config("0 * * * *", start=start))
    service.put_schedule(
        store, actor, "p", "latest", config("0 * * * *", start=start, catch_up="latest")
    )

    assert fire_due(store, SPRING) == 4


def test_the_run_of_a_fire_has_the_deadline_that_its_schedule_gives(
    store: Store, actor: Actor, at: Callable[[int], None]
) -> None:
    at(SPRING)
    service.put_schedule(store, actor, "p", "nightly", config("30 2 * * *", deadline="2h"))
    at(SPRING + 12 * HOUR_MS)
    fire_due(store, SPRING + 12 * HOUR_MS)
    ((_, run_id),) = fired(store)
    assert run_id is not None
    assert get_run(store, run_id).deadline == rfc3339(SPRING + 14 * HOUR_MS)


def test_hundreds_of_missed_fires_are_settled_in_one_turn(
    store: Store, actor: Actor, at: Callable[[int], None]
) -> None:
    at(SPRING)
    service.put_schedule(store, actor, "p", "s", config("* * * * *", catch_up="latest"))

    assert fire_due(store, SPRING + 5 * HOUR_MS) == 1
    assert len(fired(store)) == 300


def test_a_paused_schedule_fires_nothing_and_catches_nothing_up(
    store: Store, actor: Actor, at: Callable[[int], None]
) -> None:
    at(SPRING)
    service.put_schedule(store, actor, "p", "s", config("0 * * * *"))
    service.pause_schedule(store, actor, "p", "s")
    assert fire_due(store, SPRING + 2 * HOUR_MS) == 0

    at(SPRING + 2 * HOUR_MS)
    resumed = service.resume_schedule(store, actor, "p", "s")

    assert resumed.upcoming[0] == rfc3339(SPRING + 3 * HOUR_MS)
    assert fire_due(store, SPRING + 3 * HOUR_MS) == 1


def test_changing_a_schedule_there_and_back_fires_no_moment_twice(
    store: Store, actor: Actor, at: Callable[[int], None]
) -> None:
    at(SPRING)
    start = rfc3339(SPRING)
    hourly, daily = (config(cron, start=start) for cron in ("0 * * * *", "0 12 * * *"))
    service.put_schedule(store, actor, "p", "s", hourly)
    fire_due(store, SPRING + HOUR_MS)
    service.put_schedule(store, actor, "p", "s", daily)
    service.put_schedule(store, actor, "p", "s", hourly)

    assert fire_due(store, SPRING + 2 * HOUR_MS) == 1


def test_a_schedule_whose_run_cannot_be_made_says_why(
    store: Store, actor: Actor, at: Callable[[int], None]
) -> None:
    at(SPRING)
    service.put_schedule(store, actor, "p", "s", config("0 * * * *", params={"day": "{dya}"}))

    assert fire_due(store, SPRING + HOUR_MS) == 0

    found = service.get_schedule(store, "p", "s")
    assert found.problem is not None
    assert "{dya}" in found.problem
    assert found.latest[0].status == "skipped"


def test_the_project_file_declares_changes_and_removes(
    store: Store, actor: Actor, workspace: Workspace, at: Callable[[int], None]
) -> None:
    at(SPRING)
    text = "project: p\ndata: {source: a.csv, target: y}\n"
    file = workspace.root / "millwright.yaml"
    controller = ScheduleController(store, lambda: SPRING)

    def write(schedules: str) -> list[str]:
        file.write_text(text + schedules)
        controller.reconcile()
        return [found.config.cron or "" for found in service.list_schedules(store, "p")]

    nightly = "schedules:\n  nightly: {pipeline: 'flow.py:weekly', cron: '%s'}\n"
    assert write(nightly % "@daily") == ["@daily"]
    assert write(nightly % "0 3 * * *") == ["0 3 * * *"]
    with pytest.raises(Conflict, match="stands in millwright"):
        service.remove_schedule(store, actor, "p", "nightly")
    assert write(nightly % "nonsense with faults") == ["0 3 * * *"]
    assert write("") == []


class Killed(Exception):
    """As if the process had ended here."""


class Days:
    """A clock that goes on when it was looked at often enough."""

    def __init__(self, looks: int) -> None:
        self._condition = threading.Condition()
        self._wanted, self._looks = looks, 0
        self.now: int | None = None

    def looked(self) -> None:
        with self._condition:
            self._looks += 1
            self._condition.notify_all()

    def live_through(self, moments: list[int]) -> None:
        for moment in moments:
            with self._condition:
                self.now, self._looks = moment, 0
                self._condition.wait_for(lambda: self._looks >= self._wanted, timeout=30)
        self.now = None


class Scheduler(threading.Thread):
    """A scheduler on a store of its own that is killed at random statements and started again."""

    def __init__(self, root: Path, seed: int, days: Days) -> None:
        super().__init__(daemon=True)
        self._root, self._days = root, days
        self._random = random.Random(seed)
        self.restarts = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while self._days.now is not None:
                self._live()
        except BaseException as failure:
            self.failure = failure

    def _live(self) -> None:
        store = open_store(Workspace(self._root))
        controller = ScheduleController(store, lambda: self._days.now or 0)
        self._arm(store, self._random.randrange(120))
        try:
            while self._days.now is not None:
                controller.reconcile()
                self._days.looked()
        except Killed:
            self.restarts += 1
            self._days.looked()
        finally:
            store.close()

    @staticmethod
    def _arm(store: Store, statements: int) -> None:
        left = iter(range(statements))

        def die(*_: object) -> None:
            if next(left, None) is None:
                raise Killed

        event.listen(store.database.engine, "before_cursor_execute", die)
        event.listen(store.database.engine, "commit", die)


def test_two_schedulers_that_keep_dying_miss_nothing_and_fire_nothing_twice(
    store: Store,
    actor: Actor,
    at: Callable[[int], None],
    workspace: Workspace,
) -> None:
    at(SPRING)
    crons = {"a": "*/20 * * * *", "b": "30 2 * * *", "c": "0,30 1-3 * * *", "d": "7 */2 * * *"}
    for name, cron in crons.items():
        service.put_schedule(store, actor, "p", name, config(cron))
    until = SPRING + 30 * HOUR_MS

    days = Days(looks=4)
    days.now = SPRING
    both = [Scheduler(workspace.root, seed, days) for seed in (1, 2)]
    for one in both:
        one.start()
    days.live_through(list(range(SPRING, until, HOUR_MS)))
    for one in both:
        one.join(60)
    while fire_due(store, until):
        pass

    assert [one.failure for one in both] == [None, None]
    assert sum(one.restarts for one in both) > 5
    found = fired(store)
    wanted = sorted(
        f for cron in crons.values() for f in fires(cron, "Europe/Berlin", SPRING, until)
    )
    assert [fire for fire, _ in found] == wanted
    runs = [run for _, run in found]
    assert None not in runs
    assert len(set(runs)) == len(runs)
