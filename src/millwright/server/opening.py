"""Opening a workspace's store: folders made, database migrated, once however many start at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from millwright.data import fetch_when_read
from millwright.kernel.database import Database
from millwright.kernel.errors import Unavailable
from millwright.kernel.locks import exclusive
from millwright.kernel.objects import ObjectStore
from millwright.kernel.revision import HEAD
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.server.rooms import load_tables

__all__ = ["HEAD", "open_store"]


def open_store(workspace: Workspace) -> Store:
    """The store of a workspace, its schema brought up to date.

    Raises:
        Unavailable: the folder cannot be written, or the database is newer than this Millwright.
    """
    try:
        state = workspace.folder()
        load_tables()
        database = Database(workspace.database_url)
        with exclusive(state / "migration.lock"):
            _upgrade(database)
        objects = ObjectStore(workspace.objects)
        fetch_when_read(objects, state)
        return Store(workspace, database, objects)
    except PermissionError as cause:
        raise Unavailable(
            "workspace.unwritable",
            f"The folder {workspace.state} cannot be written.",
            hint="Change its permissions or work in another folder.",
        ) from cause


def _upgrade(database: Database) -> None:
    if _revision(database) == HEAD:
        return
    # Alembic is imported only when there is something to migrate: it costs start-up time.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with database.rebuild() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as cause:
        raise Unavailable(
            "database.newer",
            "The database was written by a newer Millwright.",
            hint="Upgrade with: pip install -U millwright",
        ) from cause


def _revision(database: Database) -> str | None:
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)
