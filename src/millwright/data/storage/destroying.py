"""Making bytes that are no longer named really gone: packs, links, caches, pages of the database."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.remote_packs import (
    listed,
    remove_left,
    remove_packs,
    replace_catalogue,
    write_anew,
)
from millwright.kernel.database import Database
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.objects.pack_format import headers
from millwright.kernel.remotes.catalogue import Catalogue

_PATIENCE_SECONDS = 30.0
_UNDER_WAY_SECONDS = 900.0
_MOST_SEGMENTS = 256


def chunks_of(objects: ProjectObjects, gone: Collection[bytes]) -> set[bytes]:
    """The chunks that objects consist of, and the objects' own names."""
    found = set(gone)
    for recipe in objects.recipes(gone).values():
        found.update(recipe.ids())
    return found


def destroy_local(objects: ProjectObjects, gone: Collection[bytes], dead: Collection[bytes]) -> int:
    """Remove objects and dead chunks, with the packs and files that hold them; bytes freed.

    Doing it again after a kill goes on where that came: packs are looked into for records of dead
    chunks, whatever the index still says of them.
    """
    objects.seal()
    packs = {pack.id for pack in objects.packs() if holds(pack.path, dead)}
    objects.forget([digest.hex() for digest in gone], dead)
    freed = 0
    freed += _rewritten(objects, packs)
    freed += objects.drop_cached(gone)
    objects.close()
    return freed


def holds(pack: Path, chunks: Collection[bytes]) -> bool:
    """Whether a file of records has one of these chunks."""
    content = pack.read_bytes()
    return any(entry.id in chunks for entry in headers(content))


def _rewritten(objects: ProjectObjects, packs: set[int]) -> int:
    """Rewrite packs, waiting for those that somebody appends to."""
    freed, deadline = 0, time.monotonic() + _PATIENCE_SECONDS
    while True:
        left = [pack for pack in objects.packs() if pack.id in packs]
        if not left or time.monotonic() > deadline:
            # What could not be rewritten is found by the search that follows.
            return freed
        for pack in left:
            freed += objects.rewrite_pack(pack)
        time.sleep(0.05)


def destroy_remote(opened: OpenedRemote, gone: Collection[bytes], dead: Collection[bytes]) -> int:
    """Rewrite the packs of a remote that hold dead chunks, and its catalogue; packs rewritten.

    Packs first, then the catalogue, then the old packs: a reader always finds what it was told of.
    A recipe that lies in a pack stays there: it holds digests of chunks, and no bytes.
    """
    catalogue = opened.catalogue()
    try:
        catalogue.refresh()
        remove_left(opened, catalogue)
        old = catalogue.packs_with(dead)
        if old or catalogue.all_recipes().keys() & set(gone):
            _rewrite(opened, catalogue, old, set(dead), set(gone))
        destroyed = len(old) + _destroy_unlisted(opened, catalogue, set(dead))
        opened.renew_publication()
        return destroyed
    finally:
        catalogue.close()


def _destroy_unlisted(opened: OpenedRemote, catalogue: Catalogue, dead: set[bytes]) -> int:
    """Remove packs that no catalogue tells of and that hold dead chunks: left by killed writers.

    Young ones may be on their way; the search that follows finds them.
    """
    known = {listed(opened, catalogue.pack_key(name)) for name in catalogue.packs()}
    removed = 0
    with tempfile.TemporaryDirectory(prefix="mw-erase-") as folder:
        path = Path(folder) / "pack"
        for entry in list(opened.remote.list(f"{opened.prefix}packs/")):
            if entry.key in known or entry.modified > time.time() - _UNDER_WAY_SECONDS:
                continue
            path.unlink(missing_ok=True)
            opened.remote.download(entry.key, path)
            if holds(path, dead):
                opened.remote.delete([entry.key])
                removed += 1
    return removed


def _rewrite(
    opened: OpenedRemote, catalogue: Catalogue, old: set[str], dead: set[bytes], gone: set[bytes]
) -> None:
    packs = catalogue.sent_packs()
    hit = [pack for pack in packs if pack.name in old]
    new = write_anew(opened, catalogue, hit, lambda chunk: chunk not in dead)
    recipes = [(name, one) for name, one in catalogue.all_recipes().items() if name not in gone]
    kept = [pack for pack in packs if pack.name not in old]
    replaced = [listed(opened, catalogue.pack_key(name)) for name in old]
    replace_catalogue(opened, catalogue, [*kept, *new], recipes, replaced)
    remove_packs(opened, replaced)


def scrub_database(database: Database) -> None:
    """Write the database anew, so that no free page or log still holds what rows once held."""
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in sorted(inspect(connection).get_table_names()):
            if table.startswith("dataset_") or table in ("remote_heads", "erasures"):
                connection.execute(text(f'VACUUM FULL "{table}"'))
        _forget_log(connection)


def _forget_log(connection: Connection) -> None:
    """Write over the write-ahead log before now; who runs the server may not allow it to us.

    A segment that is switched away from is filled with zeros, and segments that a checkpoint frees
    are used again with what they held: so as many are gone through as there are.
    """
    with suppress(DBAPIError):
        count = connection.execute(text("SELECT count(*) FROM pg_ls_waldir()")).scalar_one()
        for _ in range(min(count, _MOST_SEGMENTS) + 1):
            for statement in ("SELECT pg_switch_wal()", "CHECKPOINT"):
                connection.execute(text(statement))
