"""What happens starts a pipeline, once, as often as it is told; and never more than the budget."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from millwright.automation.declarations import Declarations
from millwright.automation.schedules.service import list_schedules
from millwright.automation.triggers import service
from millwright.automation.triggers.controller import TriggerController
from millwright.automation.triggers.receiving import signature
from millwright.automation.triggers.records import Occurrence
from millwright.data.connectors.importing import import_source
from millwright.data.connectors.importing import update as update_sources
from millwright.kernel import clock
from millwright.kernel.access import SYSTEM, Actor
from millwright.kernel.config_automation import TriggerConfig
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, Unauthenticated
from millwright.kernel.store import Store
from millwright.pipelines import get_run
from millwright.pipelines.tables import pipeline_runs
from millwright.server.application import create_app

pytestmark = pytest.mark.usefixtures("each_database")

PLACE = "/api/v1/projects/p/triggers/hook"


def config(when: str, **keys: Any) -> TriggerConfig:
    return TriggerConfig.model_validate({"when": when, "pipeline": "flow.py:weekly", **keys})


def happen(store: Store, kind: str, subject: str, payload: dict[str, Any]) -> None:
    with store.write(SYSTEM, "p") as tx:
        tx.event(kind, subject, payload)


def new_version(store: Store, name: str, version: int) -> None:
    payload = {"name": name, "version": version, "digest": "d", "rows": 10}
    happen(store, "dataset.version-created", f"dataset:{name}{version}", payload)


def put(store: Store, name: str, wanted: TriggerConfig) -> None:
    service.put_trigger(store, SYSTEM, "p", name, wanted)


def latest(store: Store, name: str) -> list[tuple[str, str | None]]:
    return [(f.status, f.reason) for f in service.get_trigger(store, "p", name).latest]


def test_a_project_of_pipelines_alone_declares_what_starts_them(store: Store) -> None:
    (store.workspace.root / "millwright.yaml").write_text("""
project: p
schedules: {nightly: {pipeline: "flow.py:weekly", cron: "@daily"}}
triggers: {chained: {pipeline: "flow.py:after", when: pipeline, name: weekly}}
notifications: {when: [failed]}
""")
    Declarations(store).apply()
    happen(store, "pipeline-run.succeeded", f"pipeline-run:{'1' * 32}", {"pipeline": "weekly"})

    TriggerController(store).reconcile()

    assert latest(store, "chained") == [("queued", None)]
    assert [one.name for one in list_schedules(store, "p")] == ["nightly"]


def test_a_new_dataset_version_starts_a_run_that_knows_it(store: Store) -> None:
    new_version(store, "orders", 1)
    wanted = config(
        "dataset", name="orders", params={"version": "{version}", "of": "{dataset}@{id}"}
    )
    put(store, "fresh", wanted)
    new_version(store, "orders", 2)
    new_version(store, "planes", 1)

    TriggerController(store).reconcile()

    (firing,) = service.get_trigger(store, "p", "fresh").latest
    assert firing.run_id is not None
    run = get_run(store, firing.run_id)
    assert run.params == {"version": 2, "of": "orders@orders2"}
    assert run.cause == {"trigger": "fresh", "dataset": "orders2"}


def test_a_source_that_changed_starts_a_run_once_it_is_imported_again(
    store: Store, door: Door, tmp_path: Path
) -> None:
    source = tmp_path / "orders.csv"
    source.write_text("id\n1\n")
    import_source(door, "p", "orders", str(source))
    put(store, "fresh", config("dataset", name="orders", params={"version": "{version}"}))
    controller = TriggerController(store)
    assert [one.changed for one in update_sources(door, "p")] == [False]
    controller.reconcile()
    assert latest(store, "fresh") == []
    source.write_text("id\n1\n2\n")
    assert [one.changed for one in update_sources(door, "p")] == [True]
    controller.reconcile()
    (firing,) = service.get_trigger(store, "p", "fresh").latest
    assert firing.run_id is not None
    assert get_run(store, firing.run_id).params == {"version": 2}


def test_what_happened_while_nothing_ran_is_seen_once_by_whoever_comes_next(store: Store) -> None:
    put(store, "fresh", config("dataset", name="orders"))
    for version in range(3):
        new_version(store, "orders", version)

    for controller in (TriggerController(store), TriggerController(store)):
        controller.reconcile()
        controller.reconcile()

    assert [status for status, _ in latest(store, "fresh")] == ["queued"] * 3


def test_the_end_of_an_upstream_pipeline_starts_the_next(store: Store) -> None:
    put(store, "then", config("pipeline", name="weekly", pipeline="flow.py:report"))
    put(store, "else", config("pipeline", name="weekly", status="failed", pipeline="flow.py:tell"))
    happen(store, "pipeline-run.failed", "pipeline-run:r1", {"pipeline": "weekly"})
    happen(store, "pipeline-run.succeeded", "pipeline-run:r2", {"pipeline": "nightly"})

    TriggerController(store).reconcile()

    assert latest(store, "then") == []
    assert [status for status, _ in latest(store, "else")] == ["queued"]


def test_pipelines_that_would_start_one_another_for_ever_are_refused(store: Store) -> None:
    put(store, "a", config("pipeline", name="load", pipeline="flow.py:fit"))
    put(store, "b", config("pipeline", name="fit", pipeline="flow.py:report"))

    with pytest.raises(InvalidInput, match="start itself again, through: c, a, b"):
        put(store, "c", config("pipeline", name="report", pipeline="flow.py:load"))


def test_an_alert_starts_a_run_whose_cause_it_is_and_then_cools_down(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now_ms()
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    put(store, "drifted", config("alert", kinds=["data_drift"], cooldown="6h"))
    controller = TriggerController(store)

    def alert(identifier: str, kind: str = "data_drift") -> None:
        payload = {"deployment": "d", "kind": kind, "severity": "warning", "title": "t"}
        happen(store, "alert.raised", f"alert:{identifier}", payload)
        controller.reconcile()

    alert("a1")
    alert("a2", kind="latency")
    alert("a3")
    now += 6 * 3_600_000 + 1
    alert("a4")

    found = service.get_trigger(store, "p", "drifted").latest
    causes = {str(f.cause["alert"]): f.run_id for f in found}
    assert set(causes) == {"a1", "a3", "a4"}
    assert causes["a3"] is None
    assert "6 h 0 min of the cool-down of 6h are left." in str(latest(store, "drifted"))
    assert causes["a1"] is not None
    assert get_run(store, causes["a1"]).cause == {
        "trigger": "drifted", "alert": "a1", "kind": "data_drift",
    }  # fmt: skip


def test_the_time_of_earlier_runs_counts_against_the_budget(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now_ms()
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    put(store, "fresh", config("dataset", name="orders", max_time="10m", per="1d"))
    controller = TriggerController(store)
    new_version(store, "orders", 1)
    controller.reconcile()
    (firing,) = service.get_trigger(store, "p", "fresh").latest
    assert firing.run_id is not None
    took = {"started_ms": now, "finished_ms": now + 10 * 60_000, "status": "failed"}
    with store.database.write() as connection:
        connection.execute(update(pipeline_runs).values(**took))
    now += 20 * 60_000

    new_version(store, "orders", 2)
    controller.reconcile()

    assert latest(store, "fresh")[0] == ("held", "The budget of 10m per 1d is used up.")


def test_a_pause_lets_pass_what_happens(store: Store) -> None:
    put(store, "fresh", config("dataset", name="orders"))
    controller = TriggerController(store)
    service.set_paused(store, SYSTEM, "p", "fresh", True)
    new_version(store, "orders", 1)
    controller.reconcile()
    service.set_paused(store, SYSTEM, "p", "fresh", False)
    new_version(store, "orders", 2)
    controller.reconcile()

    (firing,) = service.get_trigger(store, "p", "fresh").latest
    assert firing.cause == {"dataset": "orders2"}


def test_the_same_occurrence_told_twice_at_once_is_one_run(store: Store, actor: Actor) -> None:
    put(store, "hook", config("webhook"))
    with store.read() as connection:
        row = service.trigger_row(connection, "p", "hook")
    happened = Occurrence(key="k", known={}, cause={}, by="api")

    first, again = (service.fire(store, actor, row, happened) for _ in range(2))

    assert (first.repeated, again.repeated) == (False, True)
    assert first.run_id == again.run_id is not None


@pytest.fixture
def hook(store: Store) -> httpx.Client:
    """A trigger on a webhook, and a client that nobody knows."""

    def nobody(*_: Any) -> Actor:
        raise Unauthenticated("security.no_token", "Who are you?")

    put(store, "hook", config("webhook", params={"day": "{data.day}"}))
    return TestClient(create_app(store, authenticate=nobody), base_url="http://localhost")


def signed(secret: str, body: bytes, identifier: str = "m1", age: int = 0) -> dict[str, str]:
    sent_at = str(int(time.time()) - age)
    return {
        "webhook-id": identifier,
        "webhook-timestamp": sent_at,
        "webhook-signature": f"v0,x {signature(secret, identifier, sent_at, body)}",
    }


EVENT = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "sold", "data": {"day": "d1"}}


def test_a_cloud_event_is_taken_in_both_modes_and_known_again(
    store: Store, hook: httpx.Client
) -> None:
    secret = service.renew_secret(store, SYSTEM, "p", "hook").secret
    structured, data = json.dumps(EVENT).encode(), b'{"day": "d1"}'
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/shop", "ce-type": "sold"}

    first = hook.post(
        f"{PLACE}/events",
        content=structured,
        headers={"content-type": "application/cloudevents+json", **signed(secret, structured)},
    )
    again = hook.post(
        f"{PLACE}/events",
        content=data,
        headers={"content-type": "application/json", **binary, **signed(secret, data, "m2")},
    )

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["run_id"] == again.json()["run_id"]
    assert get_run(store, first.json()["run_id"]).params == {"day": "d1"}


def test_github_signs_its_own_way(store: Store, hook: httpx.Client) -> None:
    secret = service.renew_secret(store, SYSTEM, "p", "hook").secret
    body = b'{"day": "d2"}'
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-delivery": "g1",
        "x-github-event": "push",
        "x-hub-signature-256": f"sha256={digest}",
    }

    assert hook.post(f"{PLACE}/events", content=body, headers=headers).status_code == 202


@pytest.mark.parametrize("spoilt", ["secret", "body", "age", "missing", "name", "no secret"])
def test_what_is_not_signed_is_refused_alike(spoilt: str, store: Store, hook: httpx.Client) -> None:
    secret = service.renew_secret(store, SYSTEM, "p", "hook").secret
    body = json.dumps(EVENT).encode()
    headers = signed("wrong" if spoilt == "secret" else secret, body, age=900 * (spoilt == "age"))
    if spoilt == "no secret":
        put(store, "open", config("webhook"))
        headers = signed("", body)
    place = {"name": PLACE.replace("hook", "none"), "no secret": PLACE.replace("hook", "open")}

    answer = hook.post(
        f"{place.get(spoilt, PLACE)}/events",
        content=body + b" " * (spoilt == "body"),
        headers={
            "content-type": "application/cloudevents+json",
            **({} if spoilt == "missing" else headers),
        },
    )

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "triggers.unsigned"
    assert latest(store, "hook") == []


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({**EVENT, "specversion": "0.3"}, "triggers.cloud_event"),
        ({k: v for k, v in EVENT.items() if k != "id"}, "triggers.cloud_event"),
        ([EVENT], "triggers.cloud_event"),
        ("nonsense", "triggers.not_json"),
        ("x" * (1 << 20) + "y", "triggers.too_large"),
    ],
    ids=["old", "no-id", "list", "no-json", "large"],
)
def test_what_is_no_event_starts_nothing(
    event: Any, code: str, store: Store, hook: httpx.Client
) -> None:
    secret = service.renew_secret(store, SYSTEM, "p", "hook").secret
    body = event.encode() if isinstance(event, str) else json.dumps(event).encode()
    headers = {"content-type": "application/cloudevents+json", **signed(secret, body)}

    answer = hook.post(f"{PLACE}/events", content=body, headers=headers)

    assert answer.json()["error"]["code"] == code
    assert latest(store, "hook") == []


def test_a_request_without_an_id_could_not_be_known_again(store: Store, actor: Actor) -> None:
    put(store, "hook", config("webhook"))
    app = create_app(store, authenticate=lambda *_: actor)
    with TestClient(app, base_url="http://localhost") as friend:
        bare = friend.post(f"{PLACE}/events", json={"a": 1})
        keyed = friend.post(f"{PLACE}/events", json={"a": 1}, headers={"idempotency-key": "1"})

    assert (bare.status_code, bare.json()["error"]["code"]) == (400, "triggers.no_id")
    assert keyed.status_code == 202


def test_a_paused_webhook_asks_to_be_told_later(store: Store, actor: Actor) -> None:
    put(store, "hook", config("webhook"))
    service.set_paused(store, SYSTEM, "p", "hook", True)
    app = create_app(store, authenticate=lambda *_: actor)
    with TestClient(app, base_url="http://localhost") as friend:
        headers = {"idempotency-key": "1"}
        assert friend.post(f"{PLACE}/events", json={}, headers=headers).status_code == 503
        service.set_paused(store, SYSTEM, "p", "hook", False)
        assert friend.post(f"{PLACE}/events", json={}, headers=headers).status_code == 202


def test_the_secret_is_shown_once_and_stands_in_no_event(store: Store) -> None:
    put(store, "hook", config("webhook"))
    secret = service.renew_secret(store, SYSTEM, "p", "hook").secret

    from millwright.kernel import events

    with store.read() as connection:
        said = str(events.read(connection))
    assert secret not in said
    assert secret not in service.get_trigger(store, "p", "hook").model_dump_json()


def test_what_the_project_file_declares_is_changed_there(store: Store) -> None:
    service.put_trigger(store, SYSTEM, "p", "f", config("webhook"), declared=True)

    with pytest.raises(Conflict, match="stands in millwright"):
        put(store, "f", config("webhook"))
