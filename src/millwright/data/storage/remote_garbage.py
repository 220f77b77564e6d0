"""Garbage collection on a remote: bytes that no head needs go, while others push and fetch.

Packs that hold nothing needed are removed; of packs that are mostly garbage the rest is written anew.
New packs come first, then a catalogue that tells of them and not of the old ones, then the heads are
read once more, then the old packs are removed. Who pushes writes the head first and then looks at the
catalogue again (``pushing``), so one of the two always sees the other; who fetches and misses a pack
hears the catalogue again (``receiving``). Packs younger than the grace stay: their head may be on its
way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from millwright.data.storage.alone import alone_on
from millwright.data.storage.head_store import HeadStore
from millwright.data.storage.heads import Head
from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.reach import objects_of
from millwright.data.storage.remote_packs import (
    chunks_there,
    listed,
    places_in,
    remove_left,
    remove_packs,
    replace_catalogue,
    write_anew,
)
from millwright.data.tree_store import TreeStore
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.catalogue_format import SentPack
from millwright.kernel.remotes.receiving import receive

_UNDER_WAY = 900.0
_MANY_PARTS = 32
_WORTH_REWRITING = 0.5
"""A pack of which at least this share is garbage is written anew."""


@dataclass(frozen=True, slots=True)
class DeadPack:
    """A pack that holds garbage worth removing."""

    key: str
    """As listed on the remote."""
    size: int
    live: int
    """Bytes in it that are needed; 0 where the whole pack goes."""
    pack: SentPack | None
    """What the catalogue says of it; None where it is in no catalogue."""


@dataclass(frozen=True, slots=True)
class RemoteSweep:
    """What a collection on a remote removes, or would remove."""

    packs: tuple[DeadPack, ...] = ()
    dead: frozenset[bytes] = field(default_factory=frozenset)
    """The chunks in them that no version on the remote needs."""

    @property
    def freed(self) -> int:
        """Bytes that are gone from the remote afterwards."""
        return sum(one.size - one.live for one in self.packs)


def collect_remote(
    opened: OpenedRemote,
    heads: HeadStore,
    objects: ProjectObjects,
    *,
    grace_seconds: float,
    dry_run: bool,
) -> RemoteSweep:
    """Remove what none of a project's versions on the remote needs, whoever pushed it.

    Versions whose bytes retention let go need none. Parts of the catalogue, of which each push adds
    one, become one where there are many.

    Raises:
        Conflict: somebody else collects on this remote.
        Corrupt: bytes that are needed are damaged there; nothing was removed.
    """
    before = time.time() - grace_seconds
    opened.must_be_writable()
    with alone_on(opened):
        catalogue = opened.catalogue()
        try:
            catalogue.refresh()
            needed = _needed(opened, heads.all(), catalogue, objects)
            found = _found(opened, catalogue, needed, before)
            if not dry_run:
                remove_left(opened, catalogue)
                if found.packs or len(catalogue.parts()) > _MANY_PARTS:
                    found = _sweep(opened, heads, objects, catalogue, needed, found)
                opened.remote.tidy(time.time() - max(grace_seconds, _UNDER_WAY))
                opened.renew_publication()
            return found
        finally:
            catalogue.close()


def _found(
    opened: OpenedRemote, catalogue: Catalogue, needed: set[bytes], before: float
) -> RemoteSweep:
    known = {listed(opened, catalogue.pack_key(pack.name)): pack for pack in catalogue.sent_packs()}
    packs: list[DeadPack] = []
    dead: set[bytes] = set()
    for entry in opened.remote.list(f"{opened.prefix}packs/"):
        if entry.modified >= before:
            continue
        pack = known.get(entry.key)
        places = [] if pack is None else places_in(pack)
        live = sum(place.stored for place in places if place.id in needed)
        if entry.size - live >= _WORTH_REWRITING * entry.size:
            packs.append(DeadPack(entry.key, entry.size, live, pack))
            dead.update(place.id for place in places if place.id not in needed)
    return RemoteSweep(tuple(packs), frozenset(dead))


def _sweep(
    opened: OpenedRemote,
    heads: HeadStore,
    objects: ProjectObjects,
    catalogue: Catalogue,
    needed: set[bytes],
    found: RemoteSweep,
) -> RemoteSweep:
    going = {one.pack.name for one in found.packs if one.pack is not None}
    kept = [pack for pack in catalogue.sent_packs() if pack.name not in going]
    sparse = [one.pack for one in found.packs if one.pack is not None and one.live]
    new = write_anew(opened, catalogue, sparse, needed.__contains__)
    recipes = list(catalogue.all_recipes().items())
    replaced = [one.key for one in found.packs]
    replace_catalogue(opened, catalogue, [*kept, *new], recipes, replaced)
    missed = _needed(opened, heads.all(), catalogue, objects) & found.dead
    saved = [
        one
        for one in found.packs
        if one.pack is not None and any(entry.id in missed for entry in one.pack.entries)
    ]
    if saved:
        # A push came in between and counts on them.
        catalogue.publish([one.pack for one in saved if one.pack is not None], [])
    gone = tuple(one for one in found.packs if one not in saved)
    remove_packs(opened, [one.key for one in gone])
    return RemoteSweep(gone, found.dead - missed)


def _needed(
    opened: OpenedRemote, heads: list[Head], catalogue: Catalogue, objects: ProjectObjects
) -> set[bytes]:
    """The chunks of all versions on the remote; manifests that are not here are fetched."""

    def bring(nodes: list[bytes]) -> None:
        receive(objects, catalogue, nodes, opened.staging)

    rows = [row for head in heads for row in head.versions.values() if not row.get("dropped_ms")]
    wanted = objects_of(TreeStore(objects), rows, bring)
    return chunks_there(opened, catalogue, objects, wanted)
