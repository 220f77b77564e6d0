"""Runs that were started by something are executed by real workers, so many of a lane at a time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from millwright.automation.launching.controller import LaunchController
from millwright.automation.launching.service import activate, active, end, launch
from millwright.automation.starting import new_run
from millwright.kernel.access import SYSTEM, Actor
from millwright.kernel.config_automation import TriggerConfig
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.pipelines import (
    PipelineRun,
    create_run,
    decide,
    get_run,
    list_approvals,
    run_summaries,
)
from millwright.pipelines.records import Decision

FLOW = """
import time
from pathlib import Path
import millwright as mw

@mw.step(cache=False)
def touch(name: str) -> str:
    Path(name).write_text("done")
    return name

@mw.step(cache=False)
def wait(gate: str) -> str:
    Path(gate + ".waiting").write_text("")
    while not Path(gate).exists():
        time.sleep(0.02)
    return gate

@mw.pipeline
def asking(name: str) -> str:
    mw.approval("Ship it?")
    return touch(name)

@mw.pipeline
def touching(name: str, times: int = 1) -> str:
    return touch(name)

@mw.pipeline
def waiting(gate: str) -> str:
    return wait(gate)
"""


def start(
    store: Store, pipeline: str, lane: str = "lane", max_active: int = 1, **params: str
) -> str:
    wanted = TriggerConfig(when="webhook", pipeline=pipeline, params=dict(params))
    new = new_run(store, "default", wanted, {}, {"by": "test"}, "manual")
    with store.write(SYSTEM, "default") as tx:
        return launch(tx, "default", new, lane=lane, max_active=max_active)


@pytest.fixture
def controller(store: Store, workspace: Workspace) -> Iterator[LaunchController]:
    (workspace.root / "flow.py").write_text(FLOW)
    made = LaunchController(store, None)
    yield made
    made.shutdown()


def until(
    controller: LaunchController, store: Store, run_id: str, there: Callable[[PipelineRun], bool]
) -> PipelineRun:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        controller.reconcile()
        run = run_summaries(store, [run_id])[run_id]
        if there(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"run {run_id} is {run.status}")


def test_a_lane_never_has_more_runs_in_progress_than_it_may(store: Store) -> None:
    slow = [start(store, "flow.py:touching", "slow", name=str(n)) for n in range(3)]
    wide = [start(store, "flow.py:touching", "wide", 2, name=str(n)) for n in range(3)]

    assert activate(store, room=4)
    assert [row.run_id for row in active(store)] == sorted([slow[0], *wide[:2]])
    assert not activate(store, room=1)
    end(store, slow[0])
    assert activate(store, room=1)
    assert slow[1] in [row.run_id for row in active(store)]


def test_a_run_is_executed_and_its_lane_is_free_again(
    controller: LaunchController, store: Store, workspace: Workspace
) -> None:
    place = str(workspace.root / "made")
    run_id = start(store, "flow.py:touching", name=place)

    run = until(controller, store, run_id, lambda run: run.finished is not None)
    controller.reconcile()

    assert (run.status, (workspace.root / "made").exists()) == ("succeeded", True)
    assert active(store) == []
    assert get_run(store, run_id).params == {"name": place, "times": 1}
    assert run.code_digest is not None
    assert FLOW.encode() in store.objects.of("default").read(run.code_digest)


def test_a_run_that_somebody_queued_waits_for_a_person_without_a_worker_and_goes_on(
    controller: LaunchController, store: Store, workspace: Workspace, actor: Actor
) -> None:
    place = workspace.root / "made"
    wanted = TriggerConfig(when="webhook", pipeline="flow.py:asking", params={"name": str(place)})
    new = new_run(store, "default", wanted, {}, {}, "api")
    run_id = create_run(store, actor, "default", new).id

    until(controller, store, run_id, lambda run: run.status == "waiting")
    controller.reconcile()
    assert (active(store), place.exists()) == ([], False)

    (question,) = list_approvals(store, "default")
    decide(store, actor, run_id, question.task, Decision(approve=True))
    run = until(controller, store, run_id, lambda run: run.finished is not None)
    assert (run.status, run.attempt, place.exists()) == ("succeeded", 2, True)


def test_what_was_due_while_nothing_ran_is_done_at_the_first_look(
    controller: LaunchController, store: Store, actor: Actor
) -> None:
    wanted = TriggerConfig(when="webhook", pipeline="flow.py:asking")
    new = new_run(store, "default", wanted, {}, {}, "api")
    late = new.model_copy(update={"deadline_ms": 1, "not_before_ms": 1 << 42})
    run_id = create_run(store, actor, "default", late).id

    controller.reconcile()

    run = run_summaries(store, [run_id])[run_id]
    assert (run.status, run.error and run.error.kind) == ("failed", "DeadlineExceeded")


@pytest.mark.slow
def test_a_worker_that_is_killed_is_replaced(
    controller: LaunchController, store: Store, workspace: Workspace
) -> None:
    gate = workspace.root / "gate"
    run_id = start(store, "flow.py:waiting", gate=str(gate))
    waiting = workspace.root / "gate.waiting"
    run = until(controller, store, run_id, lambda _: waiting.exists())
    assert run.worker_pid is not None
    os.kill(run.worker_pid, signal.SIGKILL)
    gate.write_text("")

    run = until(controller, store, run_id, lambda run: run.finished is not None)

    assert (run.status, run.attempt) == ("succeeded", 2)


def test_a_run_whose_code_is_not_there_is_given_up_at_once_and_says_so(
    controller: LaunchController, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = start(store, "gone.py:weekly")

    run = until(controller, store, run_id, lambda run: run.finished is not None)

    assert run.status == "cancelled"
    assert "'gone' is not in the project's folder" in caplog.text
