"""The closed loop with real processes: train, deploy, drift, alert, retrain, try, decide."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from millwright.pipelines import PipelineClient

pytestmark = pytest.mark.slow
Orders = Callable[..., Any]


def play_until_drift(world: Any) -> None:
    """A quiet day as in training would be; then the world moves, and a day of it goes by."""
    for number in (10, 11):
        world.ask(number)
        world.deliver(number)
    world.window_of(10)


def ended_without_a_trace(world: Any, processes: Any) -> None:
    """Everything has stopped, the ports are free, and the record is whole."""
    endpoint = urlsplit(world.endpoint())
    world.stop()
    processes.until(
        lambda: True if not processes.of(world.folder) else None, "every process to end"
    )
    with socket.create_server((endpoint.hostname or "", endpoint.port or 0)):
        pass
    assert json.loads(world.mw("audit", "verify", "--json"))["ok"]


def test_a_world_that_changed_is_learned_anew_and_the_challenger_promoted(
    orders: Orders, processes: Any
) -> None:
    world = orders(changes=True)
    play_until_drift(world)
    seen = world.window_of(10)
    assert seen.drifted_share > 0.3

    found = world.retraining("canary", "refused", "failed")
    assert found.status == "canary", found.reason
    assert found.cause.trigger == "data_drift"
    assert found.comparison is not None
    assert found.comparison.challenger > found.comparison.champion + 0.2

    for number in (12, 13):
        world.ask(number)
        world.tell_truth(number)
    ended = world.retraining("promoted", "rolled_back", "failed")
    assert ended.status == "promoted", ended.reason
    assert world.champion() == 2
    # The next question is answered by the new champion.
    for number in (14, 15):
        world.ask(number)
        world.tell_truth(number)
    metrics = {m.metric: m.value for m in world.window_of(14, labelled=500).performance}
    assert metrics["roc_auc"] > 0.6
    # One drift is one alert and one retraining, and everything people ask for is there.
    assert len(world.retrainings()) == 1
    assert "promoted" in world.mw("retrainings")
    assert "v2" in world.mw("status")
    ended_without_a_trace(world, processes)


def test_a_challenger_that_is_no_better_is_refused(orders: Orders, processes: Any) -> None:
    world = orders(changes=False)
    play_until_drift(world)
    found = world.retraining("canary", "refused", "failed")
    assert found.status == "refused", found.reason
    assert "better with probability" in (found.reason or "")
    assert world.champion() == 1
    endpoint = world.endpoint()
    heavy = {"name": "load", "datatype": "FP64", "shape": [1], "data": ["heavy"]}
    for path, body, status, words in [
        ("/v2/models/orders/infer", {"inputs": [heavy]}, 400, "load"),
        ("/v2/models/others/infer", {"inputs": []}, 404, "others"),
        ("/invocations", {"dataframe_records": [{"load": "heavy"}]}, 400, "load"),
    ]:
        answer = httpx.post(endpoint + path, json=body)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    ended_without_a_trace(world, processes)


def test_whatever_is_killed_the_loop_goes_on(orders: Orders, processes: Any) -> None:
    world = orders(changes=True)
    world.ask(10)
    world.deliver(10)
    # What was answered in the last second before a kill may be lost; all before it is kept.
    processes.until(lambda: sum(w.n for w in world.windows().values()) == 500 or None, "day 10")
    os.kill(world.deployment().replicas[0].pid, signal.SIGKILL)
    killed: list[int] = []

    def kill_the_first_worker() -> None:
        def worker() -> int | None:
            with world.door() as door:
                page = PipelineClient(door).page("orders", status="running")
            return next((run.worker_pid for run in page.pipeline_runs), None)

        killed.append(processes.until(worker, "the retraining worker"))
        os.kill(killed[0], signal.SIGKILL)

    # The retraining starts while day 11 is still being asked about.
    hunt = threading.Thread(target=kill_the_first_worker)
    hunt.start()
    world.ask(11)
    world.deliver(11)
    hunt.join()
    assert killed, "no retraining worker was seen"
    os.kill(control_plane(world.folder), signal.SIGKILL)
    found = world.retraining("canary", "refused", "failed")
    assert found.status == "canary", found.reason

    assert world.up is not None
    world.up.kill()
    world.up.communicate(timeout=60)
    world.start()
    for number in (12, 13):
        world.ask(number)
        world.tell_truth(number)
    assert world.retraining("promoted", "rolled_back", "failed").status == "promoted"
    assert world.window_of(12).n == 500, "no prediction was lost or counted twice"
    ended_without_a_trace(world, processes)


def control_plane(folder: Path) -> int:
    said = json.loads((folder / ".millwright" / "control-plane.json").read_text("utf-8"))
    return int(said["pid"])
