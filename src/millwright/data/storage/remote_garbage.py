"""Garbage collection on a remote: packs that no head needs go, while others push and fetch.

The catalogue is written without them first, then the heads are read once more, then the packs are
removed. Who pushes writes the head first and then looks at the catalogue again (``pushing``), so one
of the two always sees the other. Packs younger than the grace stay: their head may be on its way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from millwright.data.storage.head_store import HeadStore
from millwright.data.storage.heads import Head
from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.reach import objects_of
from millwright.data.tree_store import TreeStore
from millwright.kernel.errors import Conflict
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.objects.recipe import Recipe
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.receiving import receive

_HOUR = 3600.0
_MANY_PARTS = 32


@dataclass(frozen=True, slots=True)
class Removed:
    """What a collection on a remote removed, or would remove."""

    packs: int
    size: int


def collect_remote(
    opened: OpenedRemote,
    heads: HeadStore,
    objects: ProjectObjects,
    *,
    grace_seconds: float,
    dry_run: bool,
) -> Removed:
    """Remove packs of a project that none of its versions on the remote needs.

    Parts of the catalogue, of which each push adds one, become one where there are many.

    Raises:
        Conflict: somebody else collects on this remote.
    """
    with alone_on(opened):
        return _collect(opened, heads, objects, grace_seconds, dry_run)


@contextmanager
def alone_on(opened: OpenedRemote) -> Iterator[None]:
    """Be the only one who rewrites the catalogue; a mark left by a kill counts for an hour."""
    key = f"{opened.prefix}collecting"
    now = str(int(time.time())).encode()
    found = opened.remote.get_tagged(key)
    if found is not None and int(found.content) < time.time() - _HOUR:
        mine = opened.remote.replace(key, now, found.tag) is not None
    else:
        mine = found is None and opened.remote.create(key, now)
    if not mine:
        raise Conflict(
            "remote.collecting",
            f"Somebody else collects garbage on {opened.definition.name}.",
            hint="Try again when they are done; after a crash, in an hour.",
        )
    try:
        yield
    finally:
        opened.remote.delete([key])


def _collect(
    opened: OpenedRemote,
    heads: HeadStore,
    objects: ProjectObjects,
    grace_seconds: float,
    dry_run: bool,
) -> Removed:
    catalogue = opened.catalogue()
    try:
        catalogue.refresh()
        ages = _ages(opened)
        before = time.time() - grace_seconds
        needed = _needed(opened, heads.all(), catalogue, objects)
        known = {catalogue.pack_key(pack.name): pack for pack in catalogue.sent_packs()}
        old = {key for key, (_, modified) in ages.items() if modified < before}
        listed = {_stored(opened, key): pack for key, pack in known.items()}
        useless = {
            key
            for key in old
            if key not in listed or not any(e.id in needed for e in listed[key].entries)
        }
        found = Removed(len(useless), sum(ages[key][0] for key in useless))
        if dry_run or not (useless or len(catalogue.parts()) > _MANY_PARTS):
            return found
        _forget(opened, catalogue, {listed[key].name for key in useless if key in listed})
        again = _needed(opened, heads.all(), catalogue, objects)
        kept = {
            key
            for key in useless
            if key in listed and any(e.id in again for e in listed[key].entries)
        }
        if kept:
            # A push came in between and counts on them.
            catalogue.publish([listed[key] for key in kept], [])
        opened.remote.delete(useless - kept)
        return Removed(len(useless - kept), sum(ages[key][0] for key in useless - kept))
    finally:
        catalogue.close()


def _ages(opened: OpenedRemote) -> dict[str, tuple[int, float]]:
    entries = opened.remote.list(f"{opened.prefix}packs/")
    return {entry.key: (entry.size, entry.modified) for entry in entries}


def _stored(opened: OpenedRemote, key: str) -> str:
    concealed = getattr(opened.remote, "concealed", None)
    return key if concealed is None else str(concealed(key))


def _needed(
    opened: OpenedRemote, heads: list[Head], catalogue: Catalogue, objects: ProjectObjects
) -> set[bytes]:
    """The chunks of all versions on the remote; manifests that are not here are fetched."""

    def bring(nodes: list[bytes]) -> None:
        receive(objects, catalogue, nodes, opened.staging)

    rows = [row for head in heads for row in head.versions.values()]
    wanted = objects_of(TreeStore(objects), rows, bring)
    needed = set(wanted)
    for recipe in catalogue.recipes(wanted).values():
        needed.update(chunk for chunk, _ in Recipe.decoded(recipe).chunks)
    return needed


def _forget(opened: OpenedRemote, catalogue: Catalogue, gone: set[str]) -> None:
    """Write the catalogue without packs."""
    parts = catalogue.parts()
    rest = [pack for pack in catalogue.sent_packs() if pack.name not in gone]
    key = catalogue.publish(rest, list(catalogue.all_recipes().items()))
    opened.remote.delete(part for part in parts if part != key)
    catalogue.clear()
    catalogue.refresh()
