"""The fixture that lets a test run on each database that Millwright keeps its state in.

``pytestmark = pytest.mark.usefixtures("each_database")`` in a module whose tests ask for ``store``
or ``door``; its ``conftest.py`` imports both fixtures from here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from postgres_server import binaries, running

_numbers = count()


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server with the newest schema in a database that tests get copies of."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[postgres]'")
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    from millwright.kernel.workspace import Workspace
    from millwright.server.opening import open_store

    with running() as url:
        _perform(url, "CREATE DATABASE template")
        before = os.environ.get("MILLWRIGHT_DATABASE_URL")
        os.environ["MILLWRIGHT_DATABASE_URL"] = url.replace("/postgres?", "/template?")
        try:
            folder: Path = tmp_path_factory.mktemp("template")
            open_store(Workspace(folder)).close()
        finally:
            if before is None:
                del os.environ["MILLWRIGHT_DATABASE_URL"]
            else:
                os.environ["MILLWRIGHT_DATABASE_URL"] = before
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def each_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """State is in SQLite beside the workspace, then in a PostgreSQL database of the test's own."""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_template")
        name = f"test_{next(_numbers)}"
        _perform(url, f"CREATE DATABASE {name} TEMPLATE template")
        monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", url.replace("/postgres?", f"/{name}?"))
    return str(request.param)


def _perform(url: str, statement: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
