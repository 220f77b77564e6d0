"""The contract of runs and leases: one worker at a time, and stale ones change nothing."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

import pytest

from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.pipelines import (
    NewPipelineRun,
    PipelineClient,
    fire_due,
    queue_run,
    unattended_runs,
)
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.fingerprint import Fingerprint
from millwright.pipelines.records import (
    Claim,
    ClaimNext,
    Failure,
    PipelineRunDetail,
    Pool,
    RunEnd,
    SlotAnswer,
    SlotRequest,
    TaskChange,
    Wave,
)

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def client(door: Door) -> PipelineClient:
    return PipelineClient(door)


@pytest.fixture
def run(door: Door, flows: ModuleType) -> PipelineRunDetail:
    return queue_run(door, "p", flows.sizes, {"rows": 5}, cause={"alert": "a1"})


def fingerprint(word: str = "1") -> Fingerprint:
    return Fingerprint(code={"m:f": word}, parameters={}, inputs={}, environment="e")


def change(status: Any, door: Door | None = None, **more: Any) -> TaskChange:
    given: dict[str, Any] = {"task": "read", "attempt": 1, "started_ms": 1, "finished_ms": 2}
    if door is not None:
        artifact = Artifact(digest=door.upload("p", b"1"), kind="json", size=1)
        given |= {"outputs": {"result": artifact}, "cache_key": fingerprint().key, "remember": True}
        given |= {"fingerprint": fingerprint(), "recipe_key": "r"}
    return TaskChange(status=status, **{**given, **more})


def wave(attempt: int, number: int, *changes: TaskChange, **more: Any) -> Wave:
    return Wave(attempt=attempt, number=number, changes=changes, **more)


def test_a_queued_run_has_its_graph_and_pending_tasks(run: PipelineRunDetail) -> None:
    assert (run.status, run.attempt, run.cause) == ("queued", 0, {"alert": "a1"})
    assert run.params == {"rows": 5, "share": 0.8}
    assert [task.name for task in run.tasks] == ["read", "split", "count", "count-2"]
    assert {task.status for task in run.tasks} == {"pending"}


def test_a_project_that_only_runs_pipelines_of_its_own_is_listed(
    run: PipelineRunDetail, door: Door
) -> None:
    assert [project["name"] for project in door.get("/projects")] == [run.project]
    created = door.get("/events", kind="project.created")
    assert [event["subject"] for event in created] == [f"project:{run.project}"]


def test_only_one_of_two_workers_gets_a_run(client: PipelineClient, run: PipelineRunDetail) -> None:
    client.claim(run.id, Claim(owner="one"))
    with pytest.raises(Conflict, match="being executed by one"):
        client.claim(run.id, Claim(owner="two"))


def test_a_dead_worker_is_replaced_and_its_late_writes_are_refused(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    old = client.claim(run.id, Claim(owner="one")).attempt
    client.commit(run.id, wave(old, 1, change("running", finished_ms=None)))
    new = client.claim(run.id, Claim(owner="two", replaces="one"))
    assert new.attempt == old + 1
    assert new.tasks[0].status == "pending", "what was in flight will run again"
    late = [
        wave(old, 2),
        wave(old, 3, change("running")),
        wave(old, 4, change("succeeded", door)),
        wave(old, 5, end=RunEnd(status="failed")),
    ]
    for write in late:
        with pytest.raises(Conflict) as caught:
            client.commit(run.id, write)
        assert caught.value.code == "pipelines.fenced"
    assert client.get(run.id) == new


def test_an_expired_lease_is_free_for_anyone(
    client: PipelineClient, run: PipelineRunDetail, monkeypatch: pytest.MonkeyPatch
) -> None:
    from millwright.kernel import clock

    client.claim(run.id, Claim(owner="one", lease_ms=1000))
    now = clock.now_ms()
    monkeypatch.setattr(clock, "now_ms", lambda: now + 2000)
    assert client.claim(run.id, Claim(owner="two")).lease_owner == "two"


def test_a_run_is_unattended_from_the_moment_that_its_lease_is_over(
    client: PipelineClient, run: PipelineRunDetail, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from millwright.kernel import clock

    def unattended() -> list[str]:
        return [one.id for one in unattended_runs(store, "p")]

    assert unattended() == [run.id]
    client.claim(run.id, Claim(owner="one", lease_ms=5_000))
    until = client.get(run.id).lease_expires
    assert until is not None
    assert unattended() == []
    monkeypatch.setattr(clock, "now_ms", lambda: clock.parse_rfc3339(until) - 1)
    assert unattended() == []
    monkeypatch.setattr(clock, "now_ms", lambda: clock.parse_rfc3339(until))
    assert unattended() == [run.id]


def test_a_heartbeat_keeps_the_lease_and_brings_the_wish_to_cancel(
    client: PipelineClient, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    first = client.commit(run.id, wave(attempt, 1, lease_ms=60_000))
    assert not first.cancel_requested
    assert client.cancel(run.id).status == "running"
    assert client.commit(run.id, wave(attempt, 2)).cancel_requested


def test_cancelling_a_queued_run_ends_it(client: PipelineClient, run: PipelineRunDetail) -> None:
    ended = client.cancel(run.id)
    assert ended.status == "cancelled"
    assert {task.status for task in ended.tasks} == {"skipped"}
    with pytest.raises(Conflict, match="cancelled already"):
        client.claim(run.id, Claim(owner="one"))


def test_a_finished_task_is_known_to_the_next_run(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    client.commit(run.id, wave(attempt, 1, change("running", finished_ms=None)))
    client.commit(run.id, wave(attempt, 2, change("succeeded", door)))
    done = client.get(run.id).tasks[0]
    assert (done.status, done.attempt, done.cache_key) == ("succeeded", 1, fingerprint().key)
    for asked in ({"keys": [done.cache_key, "unknown"]}, {"recipe_keys": ["r", "s"]}):
        known = door.post("/projects/p/step-results", asked)
        assert [found["key"] for found in known["results"]] == [done.cache_key]
        assert door.post("/projects/q/step-results", asked)["results"] == []
    told = door.post("/projects/p/step-results", {"steps": ["flows:read", "flows:split"]})
    assert list(told["before"]) == ["flows:read"]
    tries = [(one.task, one.number, one.outcome) for one in client.attempts(run.id)]
    assert tries == [("read", 1, "succeeded")]


def test_outputs_must_be_those_declared_and_stored(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    made = Artifact(digest=door.upload("p", b"1"), kind="json", size=1)
    with pytest.raises(InvalidInput, match="should make result"):
        client.commit(run.id, wave(attempt, 1, change("succeeded", outputs={"other": made})))
    missing = Artifact(digest="0" * 64, kind="json", size=1)
    with pytest.raises(InvalidInput, match="are not stored"):
        client.commit(run.id, wave(attempt, 1, change("succeeded", outputs={"result": missing})))
    assert client.get(run.id).tasks[0].status == "pending"


def test_a_committed_task_never_changes(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    client.commit(run.id, wave(attempt, 1, change("succeeded", door)))
    error = Failure(kind="E", message="m")
    for later in (change("failed", error=error), change("running"), change("running", task="no")):
        with pytest.raises(Conflict, match="were committed before, or do not exist"):
            client.commit(run.id, wave(attempt, 2, later))
    assert client.get(run.id).tasks[0].status == "succeeded"


def test_a_wave_that_is_said_twice_because_the_answer_was_lost_happens_once(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    done = wave(attempt, 1, change("succeeded", door))
    assert not client.commit(run.id, done).cancel_requested
    assert not client.commit(run.id, done).cancel_requested
    events = door.get("/events", subject=f"pipeline-run:{run.id}", limit=100)
    kinds = [event["kind"] for event in (events if isinstance(events, list) else events["events"])]
    assert kinds.count("steps.changed") == 1


def test_a_run_with_steps_left_cannot_have_succeeded(
    client: PipelineClient, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    with pytest.raises(Conflict, match="4 of its steps have not"):
        client.commit(run.id, wave(attempt, 1, end=RunEnd(status="succeeded")))


def test_a_run_asked_for_twice_with_one_key_is_one_run(door: Door, flows: ModuleType) -> None:
    first = queue_run(door, "p", flows.sizes, idempotency_key="today", trigger="schedule")
    again = queue_run(door, "p", flows.sizes, idempotency_key="today", trigger="schedule")
    other = queue_run(door, "q", flows.sizes, idempotency_key="today")
    assert first.id == again.id != other.id
    assert (first.trigger, first.idempotency_key) == ("schedule", "today")


def test_the_most_urgent_run_is_claimed_first_and_none_before_its_time(
    client: PipelineClient, door: Door, flows: ModuleType
) -> None:
    prepared = flows.sizes.prepare({})
    made = []
    for more in ({}, {"priority": 5}, {"priority": 9, "not_before_ms": 1 << 42}):
        new = NewPipelineRun(
            name="sizes", entry_point=prepared.entry_point, graph=prepared.graph, **more
        )
        made.append(client.create("p", new).id)
    claimed = [client.claim_next("p", ClaimNext(owner="w")) for _ in range(3)]
    assert [one and one.id for one in claimed] == [made[1], made[0], None]


def test_no_more_runs_of_a_name_are_active_than_they_allow(
    client: PipelineClient, flows: ModuleType
) -> None:
    prepared = flows.sizes.prepare({})
    new = NewPipelineRun(
        name="sizes", entry_point=prepared.entry_point, graph=prepared.graph, max_active=1
    )
    ids = [client.create("p", new).id for _ in range(2)]
    first = client.claim_next("p", ClaimNext(owner="one"))
    assert first is not None
    assert client.claim_next("p", ClaimNext(owner="two")) is None
    client.commit(first.id, wave(first.attempt, 1, end=RunEnd(status="failed")))
    second = client.claim_next("p", ClaimNext(owner="two"))
    assert second is not None
    assert {first.id, second.id} == set(ids)


def test_a_waiting_claim_wakes_up_when_a_run_is_queued(
    client: PipelineClient, door: Door, flows: ModuleType
) -> None:
    got: list[Any] = []
    waiting = threading.Thread(
        target=lambda: got.append(client.claim_next("p", ClaimNext(owner="w", wait_ms=20_000)))
    )
    waiting.start()
    queued = queue_run(door, "p", flows.sizes)
    waiting.join()
    assert [one.id for one in got] == [queued.id]


def test_slots_of_a_pool_go_to_the_most_urgent_and_come_back_when_a_step_ends(
    client: PipelineClient, door: Door, flows: ModuleType
) -> None:
    client.put_pool("p", Pool(name="gpu", slots=1))
    held = [
        client.claim(queue_run(door, "p", flows.sizes).id, Claim(owner=f"w{i}")) for i in range(3)
    ]

    def ask(which: int, priority: int = 0) -> bool:
        run = held[which]
        request = SlotRequest(attempt=1, task="read", pool="gpu", priority=priority)
        return SlotAnswer.model_validate(
            door.post(f"/pipeline-runs/{run.id}/slots", request)
        ).granted

    assert ask(0)
    assert ask(0), "asked again, it still holds them"
    assert [ask(1), ask(2, priority=5)] == [False, False]
    client.commit(held[0].id, wave(1, 1, change("succeeded", door)))
    assert [ask(1), ask(2, priority=5)] == [False, True]
    client.cancel(held[2].id)
    client.commit(held[2].id, wave(1, 1, end=RunEnd(status="cancelled")))
    assert ask(1)
    with pytest.raises(NotFound, match="no pool 'tpu'"):
        door.post(
            f"/pipeline-runs/{held[1].id}/slots", SlotRequest(attempt=1, task="read", pool="tpu")
        )


def test_a_deadline_fires_though_nobody_looked_when_it_passed(
    store: Store, client: PipelineClient, flows: ModuleType
) -> None:
    prepared = flows.sizes.prepare({})
    new = NewPipelineRun(
        name="sizes", entry_point=prepared.entry_point, graph=prepared.graph, deadline_ms=1
    )
    late = client.create("p", new).id
    assert fire_due(store) == 1
    ended = client.get(late)
    assert (ended.status, ended.error and ended.error.kind) == ("failed", "DeadlineExceeded")
    assert {task.status for task in ended.tasks} == {"skipped"}
    assert fire_due(store) == 0


def test_runs_are_listed_newest_first_in_pages(
    client: PipelineClient, door: Door, flows: ModuleType
) -> None:
    made = [queue_run(door, "p", flows.sizes).id for _ in range(3)]
    queue_run(door, "other", flows.sizes)
    page = client.page("p", limit=2)
    assert [run.id for run in page.pipeline_runs] == made[:0:-1]
    rest = client.page("p", limit=2, page_token=page.next_page_token)
    assert [run.id for run in rest.pipeline_runs] == made[:1]
    assert rest.next_page_token is None
    assert client.page("p", status="failed").pipeline_runs == ()


def test_unknown_runs_and_steps_are_not_found(
    client: PipelineClient, run: PipelineRunDetail
) -> None:
    for wrong in (lambda: client.get("nope"), lambda: client.claim("nope", Claim(owner="o"))):
        with pytest.raises(NotFound):
            wrong()
    with pytest.raises(NotFound, match="no step 'nope'"):
        client.log(run.id, "nope")
