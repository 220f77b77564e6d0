"""The event log: any altered, removed or reordered row is found, and nothing acknowledged is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, select, update

from millwright.kernel import events
from millwright.kernel.access import Actor
from millwright.kernel.database import Database
from millwright.kernel.errors import Unavailable
from millwright.kernel.store import Store
from millwright.kernel.tables import event_head as head
from millwright.kernel.tables import events as table
from millwright.kernel.workspace import Workspace

pytestmark = pytest.mark.core

Payload = dict[str, Any]
_JSON = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)
PAYLOADS = st.lists(st.dictionaries(st.text(max_size=5), _JSON, max_size=3), min_size=1, max_size=8)
COVERED = ("id", "time_ms", "project", "actor", "kind", "subject", "payload", "previous", "hash")


@contextmanager
def chain_of(payloads: list[Payload]) -> Iterator[Connection]:
    """A database in memory with one event per payload."""
    database = Database("sqlite://")
    table.create(database.engine)
    head.create(database.engine)
    with database.write() as connection:
        for number, payload in enumerate(payloads):
            events.append(
                connection,
                project=None if number % 3 == 0 else "flights",
                actor="tester",
                kind=f"thing.changed-{number}",
                subject=f"thing:{number}",
                payload=payload,
            )
        yield connection
    database.dispose()


@given(PAYLOADS)
@settings(max_examples=40, deadline=None)
def test_an_untouched_chain_verifies_and_gives_back_what_was_written(
    payloads: list[Payload],
) -> None:
    with chain_of(payloads) as connection:
        found = events.verify(connection)
        assert (found.ok, found.events) == (True, len(payloads))
        assert found.head == events.read(connection, newest_first=True, limit=1)[0].hash
        assert [event.payload for event in events.read(connection)] == payloads


@given(PAYLOADS, st.data())
@settings(max_examples=120, deadline=None)
def test_altering_any_field_of_any_event_is_found(payloads: list[Payload], data: Any) -> None:
    with chain_of(payloads) as connection:
        seq = data.draw(st.integers(1, len(payloads)), "event")
        name = data.draw(st.sampled_from(COVERED), "column")
        before = connection.execute(select(table.c[name]).where(table.c.seq == seq)).scalar()
        kind = st.integers(0, 2**40) if name == "time_ms" else st.text(min_size=1, max_size=64)
        value = data.draw(kind.filter(lambda drawn: drawn != before), "value")
        connection.execute(update(table).where(table.c.seq == seq).values({name: value}))
        found = events.verify(connection)
        assert not found.ok
        assert found.first_broken_seq == seq
        assert str(seq) in str(found.problem)


@given(PAYLOADS.filter(lambda payloads: len(payloads) > 1), st.data())
@settings(max_examples=60, deadline=None)
def test_removing_any_events_is_found_the_last_included(payloads: list[Payload], data: Any) -> None:
    with chain_of(payloads) as connection:
        gone = data.draw(st.sets(st.integers(1, len(payloads)), min_size=1))
        connection.execute(delete(table).where(table.c.seq.in_(gone)))
        found = events.verify(connection)
        assert not found.ok
        assert "missing" in str(found.problem)


@given(PAYLOADS)
@settings(max_examples=20, deadline=None)
def test_a_head_that_is_gone_or_another_events_is_found(payloads: list[Payload]) -> None:
    with chain_of(payloads) as connection:
        connection.execute(update(head).values(hash="f" * 64))
        assert not events.verify(connection).ok
        connection.execute(delete(head))
        assert not events.verify(connection).ok


@given(PAYLOADS.filter(lambda payloads: len(payloads) > 2), st.data())
@settings(max_examples=60, deadline=None)
def test_removing_an_event_and_renumbering_the_rest_is_found(
    payloads: list[Payload], data: Any
) -> None:
    with chain_of(payloads) as connection:
        seq = data.draw(st.integers(1, len(payloads) - 1))
        connection.execute(delete(table).where(table.c.seq == seq))
        for later in range(seq + 1, len(payloads) + 1):
            connection.execute(update(table).where(table.c.seq == later).values(seq=later - 1))
        assert not events.verify(connection).ok


@given(PAYLOADS.filter(lambda payloads: len(payloads) > 1), st.data())
@settings(max_examples=60, deadline=None)
def test_swapping_any_two_events_is_found(payloads: list[Payload], data: Any) -> None:
    pairs = st.lists(st.integers(1, len(payloads)), min_size=2, max_size=2, unique=True)
    with chain_of(payloads) as connection:
        first, second = data.draw(pairs)
        for old, new in ((first, 0), (second, first), (0, second)):
            connection.execute(update(table).where(table.c.seq == old).values(seq=new))
        found = events.verify(connection)
        assert not found.ok
        assert found.first_broken_seq == min(first, second)


def test_a_change_that_fails_leaves_no_event(store: Store, actor: Actor) -> None:
    def half_a_change() -> None:
        with store.write(actor, "flights") as tx:
            tx.event("run.created", "run:1", edges=[("dataset:1", "run:1")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_a_change()
    with store.read() as connection:
        assert events.read(connection) == []
        assert connection.exec_driver_sql("SELECT count(*) FROM lineage").scalar() == 0


def test_writers_in_many_threads_make_one_chain_without_gaps(store: Store, actor: Actor) -> None:
    def write() -> None:
        for _ in range(10):
            with store.write(actor) as tx:
                tx.event("thing.changed", "thing:1")

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        found = events.verify(connection)
    assert (found.ok, found.events) == (True, 60)


WRITER = """
import sys
from pathlib import Path
from millwright.kernel.access import LOCAL
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store

store = open_store(Workspace(Path(sys.argv[1])))
while True:
    with store.write(LOCAL) as tx:
        seq = tx.event("thing.changed", "thing:1")
    print(seq, flush=True)
"""


def test_events_acknowledged_before_a_kill_are_all_there(workspace: Workspace) -> None:
    from millwright.server.opening import open_store

    acknowledged = 0
    for _ in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(workspace.root)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(25):
            acknowledged = int(child.stdout.readline())
        child.kill()
        acknowledged = int((child.stdout.read().split() or [acknowledged])[-1])
        child.wait()
    store = open_store(workspace)
    with store.read() as connection:
        found = events.verify(connection)
    store.close()
    assert found.ok
    assert found.events >= acknowledged >= 50


def test_a_full_database_is_a_sentence_and_loses_nothing(tmp_path: Path, actor: Actor) -> None:
    from sqlalchemy import event

    database = Database(f"sqlite:///{tmp_path / 'small.db'}")
    event.listen(
        database.engine,
        "connect",
        lambda connection, _: connection.execute("PRAGMA max_page_count = 40"),
    )
    table.create(database.engine)
    head.create(database.engine)

    def fill() -> None:
        for _ in range(1000):
            with database.write() as connection:
                events.append(
                    connection,
                    project=None,
                    actor=actor.name,
                    kind="thing.changed",
                    subject="thing:1",
                    payload={"filler": "x" * 2000},
                )

    with pytest.raises(Unavailable, match="no space left") as caught:
        fill()
    assert caught.value.hint is not None
    with database.read() as connection:
        assert events.verify(connection).ok
    database.dispose()
