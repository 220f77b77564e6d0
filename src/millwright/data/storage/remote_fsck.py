"""fsck of a remote: every pack read again, and what is damaged there sent again from here."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from blake3 import blake3

from millwright.data.storage.alone import alone_on
from millwright.data.storage.head_store import HeadStore
from millwright.data.storage.heads import Row
from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.pushing import Refs, push
from millwright.data.storage.reach import objects_of, plain_objects
from millwright.data.storage.remote_packs import (
    chunks_there,
    listed,
    places_in,
    remove_packs,
    replace_catalogue,
    write_anew,
)
from millwright.data.tree_store import TreeStore
from millwright.kernel.errors import Corrupt, NotFound, Unavailable
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.catalogue_format import SentPack
from millwright.kernel.remotes.ranges import sound
from millwright.kernel.remotes.receiving import receive
from millwright.kernel.remotes.sending import JOBS


@dataclass
class RemoteState:
    """What reading a remote found."""

    chunks: int = 0
    size: int = 0
    """Bytes of the packs."""
    damaged: dict[bytes, str] = field(default_factory=dict)
    """Chunks that are not what was sent, or gone, and the pack that they should be in."""
    users: dict[bytes, set[str]] = field(default_factory=dict)
    """Which versions (``name@version``) need a damaged chunk."""
    missing: set[str] = field(default_factory=set)
    """Versions some of whose chunks no pack is said to hold."""


def read_remote(opened: OpenedRemote, heads: HeadStore, objects: ProjectObjects) -> RemoteState:
    """Read every pack of a project on a remote, and hold its versions against the catalogue.

    Raises:
        Corrupt: a part of the catalogue or a head is damaged.
    """
    catalogue = opened.catalogue()
    found = RemoteState()
    try:
        catalogue.refresh()
        packs = catalogue.sent_packs()
        with tempfile.TemporaryDirectory(prefix="mw-fsck-") as folder:
            read = partial(_bad_chunks, catalogue, Path(folder))
            with ThreadPoolExecutor(JOBS) as threads:
                for pack, bad in zip(packs, threads.map(read, packs), strict=True):
                    found.damaged.update(dict.fromkeys(bad, pack.name))
        found.chunks, found.size = catalogue.totals()[1:]
        users: dict[bytes, set[str]] = defaultdict(set)
        for head in heads.all():
            for row in head.versions.values():
                if not row.get("dropped_ms"):
                    _hold(catalogue, objects, opened, row, found, users)
        found.users = users
    finally:
        catalogue.close()
    return found


def repair_remote(
    opened: OpenedRemote,
    heads: HeadStore,
    objects: ProjectObjects,
    rows: list[Row],
    refs: Refs,
    damaged: dict[bytes, str],
) -> set[bytes]:
    """Write damaged packs anew without what is damaged, and push that again; what is whole now.

    Raises:
        Unavailable: this workspace lacks the bytes too.
    """
    opened.must_be_writable()
    with alone_on(opened):
        catalogue = opened.catalogue()
        try:
            catalogue.refresh()
            bad = set(damaged.values())
            packs = catalogue.sent_packs()
            hit = [pack for pack in packs if pack.name in bad]
            new = write_anew(opened, catalogue, hit, lambda chunk: chunk not in damaged)
            kept = [pack for pack in packs if pack.name not in bad]
            recipes = list(catalogue.all_recipes().items())
            replaced = [listed(opened, catalogue.pack_key(name)) for name in bad]
            replace_catalogue(opened, catalogue, [*kept, *new], recipes, replaced)
            remove_packs(opened, replaced)
            push(opened, heads, objects, rows, refs, recheck=True)
            catalogue.refresh()
            return set(catalogue.places(list(damaged)))
        finally:
            catalogue.close()


def _bad_chunks(catalogue: Catalogue, folder: Path, pack: SentPack) -> list[bytes]:
    path = folder / pack.name
    try:
        catalogue.remote.download(catalogue.pack_key(pack.name), path)
    except (NotFound, Corrupt):
        return [place.id for place in places_in(pack)]
    digest = blake3()
    digest.update_mmap(path)
    bad: list[bytes] = []
    if digest.digest() != pack.digest:
        with path.open("rb") as file:
            for place in places_in(pack):
                if not sound(place, os.pread(file.fileno(), place.stored, place.offset)):
                    bad.append(place.id)
    path.unlink()
    return bad


def _hold(
    catalogue: Catalogue,
    objects: ProjectObjects,
    opened: OpenedRemote,
    row: Row,
    found: RemoteState,
    users: dict[bytes, set[str]],
) -> None:
    """Hold one version against what the packs are said to have."""
    reference = f"{row['name']}@{row['version']}"

    def bring(nodes: list[bytes]) -> None:
        receive(objects, catalogue, nodes, opened.staging)

    try:
        needed = objects_of(TreeStore(objects), [row], bring)
    except (NotFound, Unavailable, Corrupt):
        # The manifest itself is damaged there, and not here: of it only the row is known.
        needed = plain_objects(row)
    try:
        chunks = chunks_there(opened, catalogue, objects, needed)
    except (NotFound, Unavailable, Corrupt):
        # A page that lists chunks is damaged or gone there, and not here.
        found.missing.add(reference)
        chunks = set(needed)
    for chunk in chunks & found.damaged.keys():
        users[chunk].add(reference)
    if catalogue.without(chunks):
        found.missing.add(reference)
