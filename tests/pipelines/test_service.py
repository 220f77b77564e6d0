"""The contract of runs and leases: one worker at a time, and stale ones change nothing."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.pipelines import PipelineClient, queue_run
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.fingerprint import Fingerprint
from millwright.pipelines.records import (
    Claim,
    FailTask,
    Failure,
    FinishRun,
    FinishTask,
    Heartbeat,
    PipelineRunDetail,
    StartTask,
)


@pytest.fixture
def client(door: Door) -> PipelineClient:
    return PipelineClient(door)


@pytest.fixture
def run(door: Door, flows: ModuleType) -> PipelineRunDetail:
    return queue_run(door, "p", flows.sizes, {"rows": 5}, cause={"alert": "a1"})


def fingerprint(word: str = "1") -> Fingerprint:
    return Fingerprint(code={"m:f": word}, parameters={}, inputs={}, environment="e")


def start(attempt: int) -> StartTask:
    return StartTask(attempt=attempt, fingerprint=fingerprint())


def finish(attempt: int, door: Door, *names: str) -> FinishTask:
    digest = door.upload("p", b"1")
    outputs = {name: Artifact(digest=digest, kind="json", size=1) for name in names or ["result"]}
    return FinishTask(attempt=attempt, outputs=outputs)


def test_a_queued_run_has_its_graph_and_pending_tasks(run: PipelineRunDetail) -> None:
    assert (run.status, run.attempt, run.cause) == ("queued", 0, {"alert": "a1"})
    assert run.params == {"rows": 5, "share": 0.8}
    assert [task.name for task in run.tasks] == ["read", "split", "count", "count-2"]
    assert {task.status for task in run.tasks} == {"pending"}


def test_only_one_of_two_workers_gets_a_run(client: PipelineClient, run: PipelineRunDetail) -> None:
    client.claim(run.id, Claim(owner="one"))
    with pytest.raises(Conflict, match="being executed by one"):
        client.claim(run.id, Claim(owner="two"))


def test_a_dead_worker_is_replaced_and_its_late_writes_are_refused(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    old = client.claim(run.id, Claim(owner="one")).attempt
    client.start(run.id, "read", start(old))
    new = client.claim(run.id, Claim(owner="two", replaces="one"))
    assert new.attempt == old + 1
    assert new.tasks[0].status == "pending", "what was in flight will run again"
    error = Failure(kind="E", message="m")
    late: list[Any] = [
        lambda: client.heartbeat(run.id, Heartbeat(attempt=old)),
        lambda: client.start(run.id, "split", start(old)),
        lambda: client.finish(run.id, "read", finish(old, door)),
        lambda: client.fail(run.id, "read", FailTask(attempt=old, error=error)),
        lambda: client.finish_run(run.id, FinishRun(attempt=old, status="failed")),
    ]
    for write in late:
        with pytest.raises(Conflict) as caught:
            write()
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


def test_a_heartbeat_keeps_the_lease_and_brings_the_wish_to_cancel(
    client: PipelineClient, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    beat = Heartbeat(attempt=attempt, lease_ms=60_000)
    first = client.heartbeat(run.id, beat)
    assert not first.cancel_requested
    assert client.cancel(run.id).status == "running"
    assert client.heartbeat(run.id, beat).cancel_requested


def test_cancelling_a_queued_run_ends_it(client: PipelineClient, run: PipelineRunDetail) -> None:
    ended = client.cancel(run.id)
    assert ended.status == "cancelled"
    assert {task.status for task in ended.tasks} == {"skipped"}
    with pytest.raises(Conflict, match="cancelled already"):
        client.claim(run.id, Claim(owner="one"))


def test_a_started_and_finished_task_is_known_to_the_next_run(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    assert client.start(run.id, "read", start(attempt)).status == "running"
    done = client.finish(run.id, "read", finish(attempt, door))
    assert (done.status, done.attempt, done.cache_key) == ("succeeded", 1, fingerprint().key)
    again = client.start(run.id, "read", start(attempt))
    assert again == done, "starting it again changes nothing"
    known = door.post("/projects/p/step-cache/resolve", {"keys": [done.cache_key, "unknown"]})
    assert list(known["outputs"]) == [done.cache_key]
    assert door.post("/projects/q/step-cache/resolve", {"keys": [done.cache_key]}) == {
        "outputs": {}
    }


def test_outputs_must_be_those_declared_and_stored(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    client.start(run.id, "read", start(attempt))
    with pytest.raises(InvalidInput, match="should make result"):
        client.finish(run.id, "read", finish(attempt, door, "other"))
    missing = Artifact(digest="0" * 64, kind="json", size=1)
    with pytest.raises(InvalidInput, match="are not stored"):
        client.finish(run.id, "read", FinishTask(attempt=attempt, outputs={"result": missing}))
    assert client.get(run.id).tasks[0].status == "running"


def test_a_task_is_finished_once(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    with pytest.raises(Conflict, match="pending, not running"):
        client.finish(run.id, "read", finish(attempt, door))
    client.start(run.id, "read", start(attempt))
    client.finish(run.id, "read", finish(attempt, door))
    with pytest.raises(Conflict, match="succeeded, not running"):
        client.fail(run.id, "read", FailTask(attempt=attempt, error=Failure(kind="E", message="m")))


def test_what_is_said_twice_because_the_answer_was_lost_happens_once(
    client: PipelineClient, door: Door, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    client.start(run.id, "read", start(attempt))
    done = finish(attempt, door)
    assert client.finish(run.id, "read", done) == client.finish(run.id, "read", done)
    client.start(run.id, "split", start(attempt).model_copy(update={"cache": False}))
    failed = FailTask(attempt=attempt, error=Failure(kind="E", message="m"))
    assert client.fail(run.id, "split", failed) == client.fail(run.id, "split", failed)
    ended = FinishRun(attempt=attempt, status="failed")
    assert client.finish_run(run.id, ended) == client.finish_run(run.id, ended)
    events = door.get("/events", subject=f"pipeline-run:{run.id}", limit=100)
    kinds = [event["kind"] for event in (events if isinstance(events, list) else events["events"])]
    assert kinds.count("step.succeeded") == kinds.count("step.failed") == 1


def test_a_run_with_steps_left_cannot_have_succeeded(
    client: PipelineClient, run: PipelineRunDetail
) -> None:
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    with pytest.raises(Conflict, match="4 of its steps have not"):
        client.finish_run(run.id, FinishRun(attempt=attempt, status="succeeded"))


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
    attempt = client.claim(run.id, Claim(owner="one")).attempt
    with pytest.raises(NotFound, match="no step 'nope'"):
        client.start(run.id, "nope", start(attempt))
