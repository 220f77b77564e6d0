"""What the store promises, on every database it runs on."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from millwright.data import service as data
from millwright.data import trees
from millwright.data.records import NewVersion
from millwright.data.storage.database_heads import DatabaseHeads
from millwright.data.tree_store import TreeStore
from millwright.data.trees import Entry, Kind
from millwright.kernel import events, leases
from millwright.kernel.access import Actor, Role
from millwright.kernel.hearing import Ear
from millwright.kernel.lineage import walk
from millwright.kernel.references import Reference, references
from millwright.kernel.store import Store
from millwright.kernel.tables import projects
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store
from millwright.tracking import MetricPoint, NewRun
from millwright.tracking import service as tracking
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


def test_who_reads_sees_one_state_while_others_commit(opened: Store) -> None:
    with opened.read() as connection:
        before = connection.execute(select(projects.c.name)).all()
        with opened.write(ACTOR, "later") as tx:
            tx.execute(insert(projects).values(name="later", created_ms=1, updated_ms=1))
        assert connection.execute(select(projects.c.name)).all() == before
    with opened.read() as connection:
        assert len(connection.execute(select(projects.c.name)).all()) == len(before) + 1


@pytest.mark.parametrize("opened", ["postgresql"], indirect=True)
def test_who_waits_hears_of_what_another_process_commits(opened: Store, tmp_path: Path) -> None:
    ear = Ear(opened)
    try:
        assert ear.listening.wait(30)
        seen = opened.changes.count
        code = (
            "from millwright.kernel.workspace import Workspace\n"
            "from millwright.server.opening import open_store\n"
            "from millwright.kernel.access import SYSTEM\n"
            "store = open_store(Workspace.find())\n"
            "with store.write(SYSTEM, 'p') as tx: tx.event('test.first', 'thing:1')\n"
            "with store.write(SYSTEM, 'p') as tx: tx.event('test.happened', 'thing:1')\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
        assert opened.changes.wait(seen, seconds=30) > seen
    finally:
        ear.close()


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
    assert {(e.source, e.target) for e in up.edges} == {(e.source, e.target) for e in down.edges}
    assert len(up.edges) == 2


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


def test_versions_are_kept_named_and_counted_alike(opened: Store) -> None:
    objects = opened.objects.of("p")

    def write(number: int) -> None:
        for turn in range(3):
            content = b"writer %d turn %d" % (number, turn)
            entry = Entry(Kind.FILE, len(content), bytes.fromhex(objects.put(content)))
            tree = TreeStore(objects).keep(trees.build({b"file": entry}))
            request = NewVersion(kind="files", digest=tree)
            data.commit_version(opened, ACTOR, "p", "shared", request)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = data.list_versions(opened, "p", "shared")
    assert [version.version for version in found] == list(range(12, 0, -1))
    assert len({version.digest for version in found}) == 12
    assert {one.digest for one in read_references(opened)} >= {one.digest for one in found}


def test_heads_in_the_database_lose_no_writers_change(opened: Store) -> None:
    heads = DatabaseHeads(opened, "s3://careless", "p")

    def write(number: int) -> None:
        for turn in range(5):
            line = f"{number}-{turn}\n"
            heads.update("a", lambda now, line=line: (now or b"") + line.encode())

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = heads.get("a")
    assert found is not None
    assert len(found.content.split()) == 20
    assert found.tag == "20"


def read_references(opened: Store) -> list[Reference]:
    with opened.read() as connection:
        return list(references(connection))
