"""What should be served: every change in one transaction with its event and lineage."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from millwright.deployment import (
    Bandit,
    NewCanary,
    NewDeployment,
    NewVariant,
    Promotion,
    Ruling,
    Weights,
    deploy,
    find_deployment,
    list_deployments,
    promote,
    put_variant,
    remove_variant,
    roll_back,
    rollouts_of,
    running_deployments,
    set_bandit,
    set_weights,
    start_canary,
    stop_deployment,
    view_deployment,
)
from millwright.kernel import events
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.serving_config import ServingConfig
from millwright.kernel.tables import lineage
from millwright.registry import AliasChange
from millwright.registry import service as registry

P, N, M = "flights", "delays-live", "delays"
NEW = NewDeployment(model=M)


def kinds(store) -> list[str]:
    with store.read() as connection:
        found = events.read(connection, limit=1000)
        assert events.verify(connection).ok
    return [event.kind for event in found if event.kind.startswith(("deployment", "model.alias"))]


def champion_alias(store) -> int:
    return registry.get_version(store, P, M, "champion").version


@pytest.fixture
def three(register) -> None:
    register(1, champion=True)
    register(2)
    register(3)


def test_deploying_the_champion_records_it_once(store, actor, three):
    created = deploy(store, actor, P, N, NEW)
    assert (created.champion_version, created.revision, created.status) == (1, 1, "running")
    assert deploy(store, actor, P, N, NEW) == created, "asking again changes nothing"
    assert kinds(store) == ["model.alias-set", "deployment.created"]
    with store.read() as connection:
        edges = connection.execute(select(lineage.c.source, lineage.c.target)).all()
    assert (f"model-version:{created.champion_version_id}", f"deployment:{created.id}") in edges


def test_a_canary_is_promoted_here_and_in_the_registry(store, actor, three):
    deploy(store, actor, P, N, NEW)
    on_trial = start_canary(store, actor, P, N, NewCanary(version=2, share=0.25))
    canary = on_trial.variant("canary")
    assert (canary.version, on_trial.share(canary), on_trial.revision) == (2, 0.25, 2)
    [rollout] = rollouts_of(store, on_trial.id)
    assert rollout.outcome is None
    ruling = Promotion(reason="It is better.", evidence={"difference": 0.02})
    promoted = promote(store, actor, P, N, ruling)
    assert (promoted.champion_version, promoted.canary_version_id) == (2, None)
    assert champion_alias(store) == 2
    [rollout] = rollouts_of(store, promoted.id)
    assert (rollout.outcome, rollout.evidence) == ("promoted", {"difference": 0.02})
    assert kinds(store)[-3:] == [
        "deployment.canary-started",
        "model.alias-set",
        "deployment.promoted",
    ]
    with pytest.raises(Conflict, match="No canary is on trial"):
        promote(store, actor, P, N)


def test_a_canary_is_rolled_back_and_the_champion_stays(store, actor, three):
    deploy(store, actor, P, N, NEW)
    start_canary(store, actor, P, N, NewCanary(version=2))
    back = roll_back(store, actor, P, N, Ruling(reason="It is worse."))
    assert (back.champion_version, back.canary_version_id, back.revision) == (1, None, 3)
    assert champion_alias(store) == 1
    assert rollouts_of(store, back.id)[0].outcome == "rolled-back"


def test_without_a_canary_a_rollback_returns_to_the_champion_before(store, actor, three):
    deploy(store, actor, P, N, NEW)
    start_canary(store, actor, P, N, NewCanary(version=2))
    promote(store, actor, P, N)
    deploy(store, actor, P, N, NewDeployment(model=M, version=3))
    assert roll_back(store, actor, P, N).champion_version == 2
    assert roll_back(store, actor, P, N).champion_version == 1
    assert champion_alias(store) == 1
    with pytest.raises(Conflict, match="served no version before 1"):
        roll_back(store, actor, P, N)


def test_a_second_canary_supersedes_the_first(store, actor, three):
    deploy(store, actor, P, N, NEW)
    start_canary(store, actor, P, N, NewCanary(version=2))
    found = start_canary(store, actor, P, N, NewCanary(version=3))
    assert [r.outcome for r in rollouts_of(store, found.id)] == [None, "superseded"]
    deploy(store, actor, P, N, NewDeployment(model=M, version=2))
    outcomes = [r.outcome for r in rollouts_of(store, found.id)]
    assert outcomes == ["promoted", "superseded", "superseded"]


def test_a_version_that_failed_its_gates_is_not_promoted_and_nothing_changes(
    store, actor, three, register
):
    register(4, passed=False)
    deploy(store, actor, P, N, NEW)
    before = start_canary(store, actor, P, N, NewCanary(version=4))
    with pytest.raises(Conflict, match="failed 1 of 1 gates"):
        promote(store, actor, P, N)
    assert find_deployment(store, P, N) == before
    assert champion_alias(store) == 1
    assert rollouts_of(store, before.id)[0].outcome is None


def test_a_version_that_failed_its_gates_is_served_only_when_somebody_overruled_them(
    store, actor, three, register
):
    register(4, passed=False)
    with pytest.raises(Conflict, match="failed its gates"):
        deploy(store, actor, P, N, NewDeployment(model=M, version=4))
    assert list_deployments(store, P) == ()

    overruled = AliasChange(version=4, override=True, reason="The auditor agreed.")
    registry.set_alias(store, actor, P, M, "champion", overruled)

    assert deploy(store, actor, P, N, NEW).champion_version == 4


def test_a_stopped_deployment_keeps_its_history_and_starts_again(store, actor, three):
    created = deploy(store, actor, P, N, NEW)
    start_canary(store, actor, P, N, NewCanary(version=2))
    stopped = stop_deployment(store, actor, P, N)
    assert (stopped.status, stopped.canary_version_id) == ("stopped", None)
    assert stop_deployment(store, actor, P, N) == stopped
    assert running_deployments(store) == ()
    with pytest.raises(Conflict, match="is stopped"):
        start_canary(store, actor, P, N, NewCanary(version=2))
    again = deploy(store, actor, P, N, NEW)
    assert (again.id, again.status) == (created.id, "running")
    assert list_deployments(store, P) == (again,)


def test_mistakes_are_sentences(store, actor, three):
    with pytest.raises(NotFound, match="no model named 'weather'"):
        deploy(store, actor, P, N, NewDeployment(model="weather"))
    with pytest.raises(NotFound, match="has no version 9"):
        deploy(store, actor, P, N, NewDeployment(model=M, version=9))
    deploy(store, actor, P, N, NEW)
    with pytest.raises(NotFound, match="Did you mean 'delays-live'"):
        find_deployment(store, P, "delays-life")
    with pytest.raises(Conflict, match="Version 1 is the champion already"):
        start_canary(store, actor, P, N, NewCanary(version=1))
    with pytest.raises(ValueError, match="not both"):
        NewDeployment(model=M, version=1, alias="champion")


def test_the_view_says_what_is_missing_until_a_control_plane_runs(store, actor, three):
    deploy(store, actor, P, N, NewDeployment(model=M, port=18_123))
    view = view_deployment(store, start_canary(store, actor, P, N, NewCanary(version=2, share=0.2)))
    assert view.health == "waiting"
    assert view.endpoint == "http://127.0.0.1:18123"
    assert view.infer_url == "http://127.0.0.1:18123/v2/models/delays/infer"
    assert view.example is not None
    assert '"name": "distance"' in view.example
    assert [(v.name, v.version, v.share) for v in view.variants] == [
        ("champion", 1, 0.8),
        ("canary", 2, 0.2),
    ]


def test_the_same_through_the_door(door, store, actor, three):
    from millwright.deployment import client

    view = client.deploy(door, P, N, NEW)
    assert view.health == "waiting"
    assert client.start_canary(door, P, N, NewCanary(version=2)).variants[1].version == 2
    assert client.promote(door, P, N, Promotion(reason="Good.")).variants[0].version == 2
    assert client.roll_back(door, P, N, Ruling()).variants[0].version == 1
    assert [one.name for one in client.list_deployments(door, P)] == [N]
    assert client.get_deployment(door, P, N).rollouts[0].outcome == "rolled-back"
    assert client.stop_deployment(door, P, N).health == "stopped"
    with pytest.raises(NotFound):
        client.get_deployment(door, P, "nothing")
    with pytest.raises(InvalidInput):
        door.put(f"/projects/{P}/deployments/x", {"model": M, "version": 1, "alias": "champion"})


def shares(deployment) -> dict[str, float]:
    return {one.name: round(deployment.share(one), 6) for one in deployment.variants}


def test_arms_shadows_and_a_canary_are_variants_of_one_deployment(store, actor, three, register):
    register(4)
    deploy(store, actor, P, N, NEW)
    put_variant(store, actor, P, N, "night", NewVariant(version=4, mirror=0.25))
    found = put_variant(store, actor, P, N, "b", NewVariant(version=2, weight=1.0))
    assert shares(found) == {"champion": 0.5, "night": 0.0, "b": 0.5}
    assert put_variant(store, actor, P, N, "b", NewVariant(version=2, weight=1.0)) == found
    on_trial = start_canary(store, actor, P, N, NewCanary(version=3, share=0.2))
    assert shares(on_trial) == {"champion": 0.4, "night": 0.0, "b": 0.4, "canary": 0.2}
    assert on_trial.variant("canary").mirror == 0.75, "the shadow keeps its part of the requests"
    promoted = promote(store, actor, P, N)
    assert shares(promoted) == {"champion": 0.6, "night": 0.0, "b": 0.4}
    left = remove_variant(store, actor, P, N, "night")
    assert shares(set_weights(store, actor, P, N, Weights(weights={"b": 0.2}))) == {
        "champion": 0.75,
        "b": 0.25,
    }
    assert promote(store, actor, P, N, Promotion(variant="b")).champion_version == 2
    assert roll_back(store, actor, P, N).champion_version == left.champion_version
    assert kinds(store).count("deployment.variant-set") == 2


def test_traffic_that_cannot_be_served_is_refused(store, actor, three, register):
    register(4, passed=False)
    deploy(store, actor, P, N, NEW)
    for variant, new, said in (
        ("b", NewVariant(version=4, weight=1), "failed its gates"),
        ("b", NewVariant(version=1, mirror=1), "is the champion already"),
        ("champion", NewVariant(version=2, weight=1), "not changed this way"),
        ("canary", NewVariant(version=2, weight=1), "not changed this way"),
    ):
        with pytest.raises(Conflict, match=said):
            put_variant(store, actor, P, N, variant, new)
    put_variant(store, actor, P, N, "dark", NewVariant(version=2, mirror=1))
    with pytest.raises(Conflict, match="scored by a shadow already"):
        start_canary(store, actor, P, N, NewCanary(version=3))
    with pytest.raises(Conflict, match="sum to 1 or less"):
        put_variant(store, actor, P, N, "c", NewVariant(version=3, mirror=0.1))
    with pytest.raises(Conflict, match="nobody would answer"):
        set_weights(store, actor, P, N, Weights(weights={"champion": 0}))
    with pytest.raises(NotFound, match="Did you mean 'dark'"):
        set_weights(store, actor, P, N, Weights(weights={"darc": 1}))
    with pytest.raises(Conflict, match="Only the champion answers"):
        set_bandit(store, actor, P, N, Bandit())
    with pytest.raises(ValueError, match="a weight, or a mirror"):
        NewVariant(version=2)


def test_traffic_changes_through_the_door(door, three):
    from millwright.deployment import client

    client.deploy(door, P, N, NEW)
    view = client.put_variant(door, P, N, "b", NewVariant(version=2, weight=3))
    assert [(one.name, one.share) for one in view.variants] == [("champion", 0.25), ("b", 0.75)]
    view = client.set_bandit(door, P, N, Bandit(floor=0.1))
    assert view.bandit == Bandit(floor=0.1)
    assert client.set_bandit(door, P, N, None).bandit is None
    view = client.set_weights(door, P, N, Weights(weights={"champion": 1, "b": 1}))
    assert [one.share for one in view.variants] == [0.5, 0.5]
    assert len(client.remove_variant(door, P, N, "b").variants) == 1


def test_settings_are_kept_and_their_keys_are_not_shown(door, store, actor, three):
    from millwright.deployment import client

    key = {"name": "web", "sha256": "a" * 64}
    serving = ServingConfig.model_validate({"cache_rows": 100, "keys": [key]})
    view = client.deploy(door, P, N, NewDeployment(model=M, serving=serving))
    assert (view.serving.cache_rows, view.serving.keys, view.keys) == (100, (), ("web",))
    again = deploy(store, actor, P, N, NewDeployment(model=M, version=2))
    assert again.serving == serving, "what is not said stays"
