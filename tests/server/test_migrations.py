"""The migrations build exactly the schema that the rooms declare, on every database."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from millwright.kernel.store import Store
from millwright.kernel.tables import metadata
from millwright.server import opening

pytestmark = pytest.mark.core


def test_the_newest_migration_is_the_one_that_opening_a_store_expects() -> None:
    scripts = ScriptDirectory(str(Path(opening.__file__).parent / "migrations"))

    assert scripts.get_heads() == [opening.HEAD]


def test_migrating_an_empty_database_gives_the_declared_tables(store: Store) -> None:
    with store.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)

    assert differences == []


def test_a_database_from_the_future_is_refused_with_a_sentence(store: Store) -> None:
    from sqlalchemy import text

    with store.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(opening.Unavailable, match="newer Millwright"):
        opening.open_store(store.workspace)
