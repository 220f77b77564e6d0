"""What the store promises, on every database it runs on."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from millwright.kernel import events, leases
from millwright.kernel.access import Actor, Role
from millwright.kernel.lineage import walk
from millwright.kernel.store import Store
from millwright.kernel.tables import projects
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store
from millwright.tracking import MetricPoint, NewRun
from millwright.tracking import service as tracking

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgres_server import binaries, running

ACTOR = Actor("tester", Role.ADMIN)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[postgres]'")
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Store]:
    if request.param == "postgresql":
        monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", request.getfixturevalue("postgres"))
    store = open_store(Workspace(tmp_path))
    yield store
    if request.param == "postgresql":
        from sqlalchemy import text

        with store.database.engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    store.close()


def test_a_failed_transaction_leaves_neither_its_change_nor_its_event(opened: Store) -> None:
    row = {"name": "p", "config_digest": None, "created_ms": 1, "updated_ms": 1}

    def fail_halfway() -> None:
        with opened.write(ACTOR, "p") as tx:
            tx.execute(insert(projects).values(row))
            tx.event("project.created", "project:p")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()

    with opened.read() as connection:
        assert connection.execute(select(projects)).all() == []
        assert events.read(connection) == []


def test_many_writers_make_one_unbroken_chain(opened: Store) -> None:
    def write(number: int) -> None:
        for turn in range(10):
            with opened.write(ACTOR, "p") as tx:
                tx.event("test.happened", f"thing:{number}", {"turn": turn})

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with opened.read() as connection:
        checked = events.verify(connection)
    assert (checked.ok, checked.events) == (True, 80)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET payload = '{}' WHERE seq = 3",
        "UPDATE events SET actor = 'other' WHERE seq = 5",
        "DELETE FROM events WHERE seq = 2",
        "DELETE FROM events WHERE seq = 5",
        "DELETE FROM events WHERE seq > 1",
        "DELETE FROM events",
        "UPDATE events SET seq = CASE seq WHEN 2 THEN 103 WHEN 3 THEN 102 ELSE seq END;"
        "UPDATE events SET seq = seq - 100 WHERE seq > 100",
        "DELETE FROM event_head",
    ],
    ids=["payload", "actor", "one", "the-last", "all-but-one", "all", "swapped", "the-head"],
)
def test_an_altered_removed_or_reordered_event_is_found(opened: Store, damage: str) -> None:
    with opened.write(ACTOR, "p") as tx:
        for turn in range(5):
            tx.event("test.happened", "thing:1", {"turn": turn})
    with opened.database.write() as connection:
        for statement in damage.split(";"):
            connection.exec_driver_sql(statement)

    with opened.read() as connection:
        assert not events.verify(connection).ok


def test_lineage_edges_are_written_with_their_event_and_walked_both_ways(opened: Store) -> None:
    with opened.write(ACTOR, "p") as tx:
        tx.event("run.created", "run:1", edges=[("dataset:1", "run:1"), ("dataset:1", "run:1")])
        tx.event(
            "model.version-registered", "model-version:1", edges=[("run:1", "model-version:1")]
        )

    with opened.read() as connection:
        up = walk(connection, "p", "model-version:1", direction="up")
        down = walk(connection, "p", "dataset:1", direction="down")
    assert {(e.source, e.target) for e in up} == {(e.source, e.target) for e in down}
    assert len(up) == 2


def test_only_one_of_two_control_planes_holds_the_lease(opened: Store) -> None:
    assert leases.acquire(opened, "controllers", "a", seconds=60)
    assert not leases.acquire(opened, "controllers", "b", seconds=60)

    leases.release(opened, "controllers", "a")

    assert leases.acquire(opened, "controllers", "b", seconds=60)


def test_runs_are_written_and_searched_alike(opened: Store) -> None:
    for value in (0.5, 0.9, 0.7):
        run = tracking.create_run(opened, ACTOR, "p", NewRun(params={"depth": 3}))
        tracking.log_metrics(opened, ACTOR, run.id, [MetricPoint(key="auc", value=value)])

    found = tracking.list_runs(opened, "p", order_by="-metrics.auc")

    assert [run.metrics["auc"] for run in found.runs] == [0.9, 0.7, 0.5]
