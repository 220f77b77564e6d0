"""Traffic decided by evidence: a bandit follows delayed rewards, a shadow is reported on."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from click.testing import CliRunner

from millwright.automation.bandits import BanditController
from millwright.deployment import (
    Bandit,
    NewDeployment,
    NewVariant,
    deploy,
    find_deployment,
    put_variant,
    set_bandit,
    view_deployment,
)
from millwright.deployment.commands import deployments
from millwright.kernel import events
from millwright.monitoring import Label, LabelBatch, MonitorController, add_labels

P, N, M = "flights", "delays-live", "delays"


def question(number: int) -> dict:
    return {
        "id": f"request-{number}",
        "inputs": [
            {"name": "distance", "shape": [1], "datatype": "FP64", "data": [40.0 * number - 4000]},
            {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["AA"]},
        ],
    }


@pytest.fixture
def arms(store, actor, register, reconcile_until):
    """A deployment of two arms and a shadow, ready."""
    register(1, champion=True)
    register(2)
    register(3)
    deploy(store, actor, P, N, NewDeployment(model=M))
    put_variant(store, actor, P, N, "b", NewVariant(version=2, weight=1.0))
    put_variant(store, actor, P, N, "night", NewVariant(version=3, mirror=1.0))
    set_bandit(store, actor, P, N, Bandit(reward="label", floor=0.05))

    def view():
        return view_deployment(store, find_deployment(store, P, N))

    reconcile_until(lambda: view().health == "ready")
    return view


def ask(url: str, count: int) -> dict[str, str]:
    """Who answered each of so many requests."""
    with httpx.Client(trust_env=False, timeout=20) as http, ThreadPoolExecutor(4) as threads:
        answers = threads.map(lambda i: http.post(url, json=question(i)).json(), range(count))
        return {one["id"]: one["parameters"]["variant"] for one in answers}


def test_weights_follow_delayed_rewards_and_the_shadow_is_reported(
    store, actor, arms, reconcile_until, workspace, monkeypatch
):
    answered = ask(arms().infer_url, 200)
    assert set(answered.values()) == {"champion", "b"}
    monitor, bandits = MonitorController(store), BanditController(store)

    def ingested() -> int:
        monitor.reconcile()
        with store.read() as connection:
            found = events.read(connection, kind="predictions.ingested", limit=1000)
        return sum(event.payload["rows"] for event in found)

    reconcile_until(lambda: ingested() == 200)
    bandits.reconcile()
    assert abs(arms().variants[1].share - 0.5) < 0.01, "no reward has come yet"
    batch = [Label(prediction_id=name, value=float(who == "b")) for name, who in answered.items()]
    add_labels(store, actor, P, N, LabelBatch(labels=tuple(batch)))
    bandits.reconcile()
    found = find_deployment(store, P, N)
    assert found.share(found.variant("b")) == pytest.approx(0.95, abs=0.001)
    with store.read() as connection:
        [last] = events.read(
            connection, kind="deployment.weights-changed", newest_first=True, limit=1
        )
    evidence = {one["variant"]: one for one in last.payload["evidence"]["arms"]}
    assert (evidence["b"]["mean"], evidence["champion"]["mean"]) == (1.0, 0.0)
    bandits.reconcile()
    assert find_deployment(store, P, N) == found, "nothing new changes nothing"

    reconcile_until(lambda: arms().health == "ready")
    again = ask(arms().infer_url, 60)
    assert list(again.values()).count("b") > 45, "the server took the weights over"

    (workspace.root / "millwright.yaml").write_text(
        "project: flights\ndata: {source: x.csv, target: late}\n"
    )
    monkeypatch.chdir(workspace.root)
    said = CliRunner().invoke(deployments, ["differences", N, "night", "--json"])
    report = json.loads(said.output)
    mirrored = sum(who == "champion" for who in answered.values())
    assert report["rows"] == mirrored, "the champion's requests, which the shadow scored too"
    assert report["share_low"] <= report["differing"] / report["rows"] <= report["share_high"]
    assert len(report["furthest"]) == 10
    said = CliRunner().invoke(deployments, ["differences", N, "night"]).output
    assert "night and the champion differ on" in said
