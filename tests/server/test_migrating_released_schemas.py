"""A database of every released schema, with rows in all its tables, becomes today's and loses none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Connection, LargeBinary, MetaData, String, func, insert, select

from each_database import each_database, postgres_template  # noqa: F401
from millwright.kernel.database import Database
from millwright.kernel.tables import metadata
from millwright.kernel.workspace import Workspace
from millwright.server import opening

RELEASED = [f"{number:04d}" for number in range(1, 16)]
"""Schemas that people's databases may have."""
_RENAMED = {"dataset_rules": "dataset_suites"}
_DOCUMENTS = {"rules": '{"rules": []}', "report": '{"rows": 0, "results": []}'}
"""What migrations read of the JSON in columns of these names."""


@pytest.mark.parametrize("revision", RELEASED)
def test_rows_of_a_released_schema_are_kept_on_sqlite(revision: str, tmp_path: Path) -> None:
    _migrate_and_compare(Workspace(tmp_path), revision)


@pytest.mark.slow
@pytest.mark.parametrize("revision", RELEASED[::7])
@pytest.mark.parametrize("each_database", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("each_database")
def test_rows_of_a_released_schema_are_kept_on_postgresql(revision: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    database = Database(workspace.database_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    database.dispose()
    _migrate_and_compare(workspace, revision)


def _migrate_and_compare(workspace: Workspace, revision: str) -> None:
    workspace.folder()
    database = Database(workspace.database_url)
    config = Config()
    scripts = Path(opening.__file__).parent / "migrations"
    config.set_main_option("script_location", str(scripts))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        before = _filled(connection)
    database.dispose()
    assert before

    store = opening.open_store(workspace)
    with store.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        for name, rows in before.items():
            table = metadata.tables[_RENAMED.get(name, name)]
            found = connection.execute(select(func.count()).select_from(table)).scalar()
            assert (found or 0) >= rows, name
    store.close()


def _filled(connection: Connection, rows: int = 3) -> dict[str, int]:
    """Put rows into every table that is there; how many each has."""
    there = MetaData()
    there.reflect(connection)
    for table in there.sorted_tables:
        if table.name != "alembic_version":
            connection.execute(
                insert(table),
                [{c.name: _value(c, number) for c in table.columns} for number in range(rows)],
            )
    return {name: rows for name in there.tables if name != "alembic_version"}


def _value(column: Any, number: int) -> object:
    if isinstance(column.type, LargeBinary):
        return b"%d" % number
    if isinstance(column.type, Boolean):
        return bool(number % 2)
    if column.name in _DOCUMENTS:
        return _DOCUMENTS[column.name]
    # A number as text is also JSON, which some columns hold.
    return str(number) if isinstance(column.type, String) else number
