"""A range of fires run afterwards: planned first, so many at a time, never what is done."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from millwright.automation.launching.service import activate, active
from millwright.automation.schedules import backfilling, service
from millwright.automation.schedules.records import FireRange, NewBackfill
from millwright.kernel.access import Actor
from millwright.kernel.config_automation import ScheduleConfig
from millwright.kernel.errors import InvalidInput
from millwright.kernel.store import Store
from millwright.pipelines import run_summaries
from millwright.pipelines.tables import pipeline_runs

CODE = "c" * 64
WEEK = FireRange(start="2024-03-28", end="2024-04-01", code_digest=CODE)


@pytest.fixture(autouse=True)
def nightly(store: Store, actor: Actor) -> None:
    config = ScheduleConfig(
        pipeline="flow.py:weekly",
        cron="0 2 * * *",
        timezone="Europe/Berlin",
        params={"day": "{fire_date}"},
    )
    service.put_schedule(store, actor, "p", "nightly", config)


def succeed(store: Store, run_id: str, code: str = CODE) -> None:
    change = update(pipeline_runs).where(pipeline_runs.c.id == run_id)
    with store.database.write() as connection:
        connection.execute(change.values(status="succeeded", code_digest=code))


def begin(store: Store, actor: Actor, **keys: object) -> list[str]:
    new = NewBackfill.model_validate({**WEEK.model_dump(), "max_active": 2, **keys})
    made = backfilling.start_backfill(store, actor, "p", "nightly", new)
    with store.read() as connection:
        runs = connection.execute(pipeline_runs.select()).all()
    return [run.id for run in runs if run.cause["backfill"] == made.id]


def test_a_plan_says_what_would_run_and_starts_nothing(store: Store) -> None:
    plan = backfilling.plan_backfill(store, "p", "nightly", WEEK)

    assert [(f.time[:16], f.params, f.done) for f in plan.fires] == [
        ("2024-03-28T01:00", {"day": "2024-03-28"}, False),
        ("2024-03-29T01:00", {"day": "2024-03-29"}, False),
        ("2024-03-30T01:00", {"day": "2024-03-30"}, False),
        ("2024-03-31T01:00", {"day": "2024-03-31"}, False),
    ]
    assert backfilling.list_backfills(store, "p", "nightly") == []


def test_only_so_many_runs_are_in_progress(store: Store, actor: Actor) -> None:
    runs = begin(store, actor)

    assert len(runs) == 4
    activate(store, room=10)
    assert [row.run_id for row in active(store)] == sorted(runs)[:2]


def test_what_this_code_has_done_is_not_done_again(store: Store, actor: Actor) -> None:
    first, second, *_ = begin(store, actor)
    succeed(store, first)
    succeed(store, second, code="d" * 64)

    plan = backfilling.plan_backfill(store, "p", "nightly", WEEK)
    assert [fire.done for fire in plan.fires] == [True, False, False, False]
    assert len(begin(store, actor)) == 3
    assert len(begin(store, actor, again=True)) == 4


def test_a_backfill_can_be_cancelled(store: Store, actor: Actor) -> None:
    first, *others = begin(store, actor)
    succeed(store, first)
    (made,) = backfilling.list_backfills(store, "p", "nightly")

    ended = backfilling.cancel_backfill(store, actor, "p", made.id)

    assert ended.statuses == {"succeeded": 1, "cancelled": 3}
    assert {run.status for run in run_summaries(store, others).values()} == {"cancelled"}


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [("2024-01-02", "2024-01-01", "does not fire"), ("1900-01-01", "2024-01-01", "more than")],
    ids=["empty", "large"],
)
def test_a_range_that_cannot_be_is_refused(start: str, end: str, said: str, store: Store) -> None:
    with pytest.raises(InvalidInput, match=said):
        backfilling.plan_backfill(store, "p", "nightly", FireRange(start=start, end=end))
