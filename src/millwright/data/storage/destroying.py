"""Making bytes that are no longer named really gone: packs, links, caches, pages of the database."""

from __future__ import annotations

import time
from collections.abc import Collection, Container

from sqlalchemy import text

from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.remote_packs import replace_catalogue, write_anew
from millwright.kernel.database import Database
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.remotes.catalogue import Catalogue

_PATIENCE_SECONDS = 30.0


def destroy_local(
    objects: ProjectObjects, gone: Collection[bytes], live_chunks: Container[bytes]
) -> tuple[set[bytes], int]:
    """Remove objects, and their chunks but for those that live objects share.

    Returns the chunks removed, and the bytes freed.
    """
    objects.seal()
    chunks = set(gone)
    for recipe in objects.recipes(gone).values():
        chunks.update(chunk for chunk, _ in recipe.chunks)
    dead = {chunk for chunk in chunks if chunk not in live_chunks}
    places = objects.locate(dead)
    packs = {place.source for place in places.values() if place.source > 0}
    objects.forget([digest.hex() for digest in gone], dead)
    freed = 0
    alive = {bytes.fromhex(name) for name, _ in objects.objects()}
    alive.update(place.id for place in objects.chunks())
    freed += _rewritten(objects, packs, alive)
    freed += objects.drop_cached(gone)
    objects.close()
    return dead, freed


def _rewritten(objects: ProjectObjects, packs: set[int], alive: Container[bytes]) -> int:
    """Rewrite packs, waiting for those that somebody appends to."""
    freed, deadline = 0, time.monotonic() + _PATIENCE_SECONDS
    while True:
        left = [pack for pack in objects.packs() if pack.id in packs]
        if not left or time.monotonic() > deadline:
            # What could not be rewritten is found by the search that follows.
            return freed
        for pack in left:
            freed += objects.rewrite_pack(pack, alive.__contains__)
        time.sleep(0.05)


def destroy_remote(opened: OpenedRemote, gone: Collection[bytes], dead: Collection[bytes]) -> int:
    """Rewrite the packs of a remote that hold dead chunks, and its catalogue; packs rewritten.

    Packs first, then the catalogue, then the old packs: a reader always finds what it was told of.
    A recipe that lies in a pack stays there: it holds digests of chunks, and no bytes.
    """
    catalogue = opened.catalogue()
    try:
        catalogue.refresh()
        old = {place.pack for place in catalogue.places(dead).values()}
        recipes = catalogue.all_recipes()
        if not old and not recipes.keys() & set(gone):
            return 0
        _rewrite(opened, catalogue, old, set(dead), set(gone))
        return len(old)
    finally:
        catalogue.close()


def _rewrite(
    opened: OpenedRemote, catalogue: Catalogue, old: set[str], dead: set[bytes], gone: set[bytes]
) -> None:
    packs = catalogue.sent_packs()
    hit = [pack for pack in packs if pack.name in old]
    new = write_anew(opened, catalogue, hit, lambda chunk: chunk not in dead)
    recipes = [(name, one) for name, one in catalogue.all_recipes().items() if name not in gone]
    kept = [pack for pack in packs if pack.name not in old]
    replace_catalogue(opened, catalogue, [*kept, *new], recipes)
    opened.remote.delete(catalogue.pack_key(pack) for pack in old)


def scrub_database(database: Database) -> None:
    """Write the database anew, so that no free page or log still holds what rows once held."""
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("dataset_versions", "dataset_checks", "remote_heads", "erasures"):
            connection.execute(text(f"VACUUM FULL {table}"))
