"""SQL databases and DuckDB files as sources: PostgreSQL and SQLite for real, by SQLAlchemy and ADBC."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import create_engine, text

import postgres_server
from millwright.data import Dataset
from millwright.data.connectors.importing import list_sources, look_for_changes, update
from millwright.data.connectors.rows import Spool
from millwright.kernel import events
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, NotFound, Unavailable
from millwright.kernel.store import Store

ROWS = (
    "CREATE SCHEMA shop; "
    'CREATE TABLE shop."Orders" (id bigint, price numeric(10, 2), paid boolean, at timestamptz, '
    "note text, tags text[], body jsonb, reference uuid); "
    "INSERT INTO shop.\"Orders\" VALUES (1, 9.99, true, '2024-02-29T12:00:00Z', 'a', "
    "'{x,y}', '{\"k\": 1}', '00000000-0000-0000-0000-000000000001'), "
    "(2, null, false, null, null, null, null, null); CREATE SEQUENCE shop.counter"
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    if postgres_server.binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres_server.running() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            for statement in ROWS.split("; "):
                connection.exec_driver_sql(statement)
        engine.dispose()
        yield url


def rows(door: Door, name: str = "d") -> list[dict[str, Any]]:
    return Dataset(door, "p", name).arrow().to_pylist()


def test_a_table_of_postgresql_comes_with_its_types(
    door: Door, postgres: str, imported: Any
) -> None:
    found = imported(postgres, table="shop.Orders")
    assert found.source.state.kind == "result"
    first, second = rows(door)
    assert first == {
        "id": 1,
        "price": 9.99,
        "paid": True,
        "at": datetime(2024, 2, 29, 12, tzinfo=UTC),
        "note": "a",
        "tags": '["x", "y"]',
        "body": '{"k": 1}',
        "reference": "00000000-0000-0000-0000-000000000001",
    }
    assert second["price"] is second["at"] is second["note"] is None


def test_adbc_gives_the_same_numbers_and_times(door: Door, postgres: str, imported: Any) -> None:
    folder = postgres.partition("host=")[2]
    address = f"adbc+postgresql:///postgres?host={folder}&user=millwright"
    query = 'SELECT id, price, paid, at, note FROM shop."Orders" ORDER BY id'
    imported(address, query=query)
    first = rows(door)[0]
    assert (first["id"], first["price"], first["paid"]) == (1, 9.99, True)
    assert first["at"] == datetime(2024, 2, 29, 12, tzinfo=UTC)
    imported(address, "whole", table="shop.Orders")
    assert Dataset(door, "p", "whole").rows == 2
    with pytest.raises(InvalidInput, match="The database refuses"):
        imported(address, query="SELECT nothing FROM nowhere")


def test_parameters_are_bound_never_pasted(door: Door, postgres: str, imported: Any) -> None:
    query = 'SELECT id FROM shop."Orders" WHERE note = :note OR id = :id;'
    injected = "x' OR '1'='1"
    with pytest.raises(InvalidInput, match="no rows"):
        imported(postgres, query=query, parameters={"note": injected, "id": 77})
    imported(postgres, query=query, parameters={"note": injected, "id": 2})
    assert rows(door) == [{"id": 2}]


@pytest.mark.parametrize(
    "query",
    [
        'DELETE FROM shop."Orders" RETURNING id',
        'WITH gone AS (DELETE FROM shop."Orders" RETURNING id) SELECT * FROM gone',
        "SELECT id, nextval('shop.counter') FROM shop.\"Orders\"",
    ],
    ids=["delete", "with", "sequence"],
)
def test_reading_changes_nothing(postgres: str, imported: Any, query: str) -> None:
    with pytest.raises(InvalidInput, match="The database refuses"):
        imported(postgres, query=query)


def test_a_watched_column_tells_of_changes_without_reading_the_rest(
    door: Door, store: Store, postgres: str, imported: Any
) -> None:
    engine = create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE log (id bigint, at timestamptz)"))
        connection.execute(text("INSERT INTO log VALUES (1, '2024-01-01T00:00:00Z')"))
    found = imported(postgres, table="log", watch="at")
    assert found.source.state.kind == "maximum"
    assert [one.changed for one in look_for_changes(door, "p")] == [False]
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO log VALUES (2, '2024-01-02T00:00:00Z')"))
    engine.dispose()
    (one,) = update(door, "p")
    assert one.changed
    assert len(rows(door)) == 2
    with store.read() as connection:
        (event,) = events.read(connection, kind="dataset.source-changed")
    assert event.payload["before"]["value"] < event.payload["after"]["value"]


def test_a_database_of_this_folder_is_the_same_from_any_folder(
    door: Door, tmp_path: Path, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("shop.db") as database:
        database.execute("CREATE TABLE orders (a INTEGER)")
        database.execute("INSERT INTO orders VALUES (1)")
    with pytest.raises(InvalidInput) as refused:
        imported("sqlite:///shop.db")
    assert "Its tables are orders." in (refused.value.hint or "")
    assert imported("sqlite:///shop.db", table="orders").source.url.endswith(f"{tmp_path}/shop.db")
    imported("sqlite:///shop.db", "other", table="orders", watch="a")
    (tmp_path / "shop.db").unlink()
    monkeypatch.chdir("/")
    first, other = look_for_changes(door, "p")
    assert (first.changed, first.error) == (None, None)
    assert other.error is not None
    assert "There is no database" in other.error.message


def test_a_query_without_a_watched_column_is_known_by_its_result(
    door: Door, tmp_path: Path, imported: Any
) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (a INTEGER, b REAL, c TEXT)")
        database.execute("INSERT INTO t VALUES (1, 0.5, 'x')")
    imported(f"sqlite:///{path}", query="SELECT * FROM t")
    imported(f"adbc+sqlite:///{path}", "by_adbc", table="t")
    assert rows(door) == rows(door, "by_adbc") == [{"a": 1, "b": 0.5, "c": "x"}]
    assert [one.changed for one in look_for_changes(door, "p", ["d"])] == [None]
    assert [one.changed for one in update(door, "p", ["d"])] == [False]
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO t VALUES (2, 1.5, 'y')")
    assert [one.changed for one in update(door, "p", ["d"])] == [True]
    for scheme in ("sqlite", "adbc+sqlite"):
        with pytest.raises(NotFound, match="no database"):
            imported(f"{scheme}:///{tmp_path}/none.db", "x", table="t")
    assert not (tmp_path / "none.db").exists()


def test_credentials_come_from_the_environment_and_are_nowhere_kept(
    door: Door, store: Store, tmp_path: Path, imported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (a INTEGER)")
        database.execute("INSERT INTO t VALUES (1)")
    monkeypatch.setenv("SHOP", f"sqlite:///{path}?marker=hunter2")
    found = imported("env:SHOP", table="t")
    assert found.source.url == found.version.source == "env:SHOP"
    assert list_sources(door, "p")[0].url == "env:SHOP"
    monkeypatch.setenv("SHOP", "postgresql://me:hunter2@127.0.0.1:1/db")
    (failed,) = update(door, "p")
    assert isinstance(failed.error, Unavailable)
    assert "hunter2" not in str(failed.error)
    with store.read() as connection:
        assert "hunter2" not in str(events.read(connection, limit=1000))


def test_a_duckdb_file_is_read_by_table_or_query(door: Door, tmp_path: Path, imported: Any) -> None:
    path = tmp_path / "lake.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute(
            'CREATE SCHEMA s; CREATE TABLE s."my t" AS SELECT range AS a FROM range(5)'
        )
    imported("lake.duckdb", table="s.my t")
    assert len(rows(door)) == 5
    imported(f"duckdb://{path}", "few", query='FROM s."my t" WHERE a < :n', parameters={"n": 2})
    assert rows(door, "few") == [{"a": 0}, {"a": 1}]
    with pytest.raises(InvalidInput, match="DuckDB refuses"):
        imported("lake.duckdb", "x", query="SELECT * FROM read_csv('/etc/passwd')")
    with pytest.raises(InvalidInput, match="either --table or --query"):
        imported("lake.duckdb", "x")


def test_types_that_show_late_hold_for_all_rows(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for part in ([(None, 1, None)], [("x", 2, None)], [("y", 2.5, None)]):
        spool.add(["a", "b", "c"], part)
    pieces = [piece.to_pylist() for piece in spool.pieces()]
    assert pieces[0] == [{"a": None, "b": 1.0, "c": None}]
    assert pieces[2] == [{"a": "y", "b": 2.5, "c": None}]
    assert list(Spool(tmp_path).pieces()) == []
    mixed = Spool(tmp_path)
    mixed.add(["a"], [("x",)])
    with pytest.raises(InvalidInput, match="mixes types"):
        mixed.add(["a"], [(1,)])
