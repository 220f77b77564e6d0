"""What is live: every object that anything refers to, and what those objects refer to in turn."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from millwright.data.storage.reach import tree_objects
from millwright.data.storage.tables import dropped_versions
from millwright.data.tables import dataset_versions
from millwright.data.tree_store import TreeStore
from millwright.data.trees.nodes import MAGIC
from millwright.kernel.errors import Corrupt, NotFound, Unavailable
from millwright.kernel.objects import DigestSet, ProjectObjects
from millwright.kernel.references import digests_in_text, references
from millwright.kernel.remotes.sending import groups
from millwright.kernel.store import Store

_LARGEST_DOCUMENT = 4 << 20
_DOCUMENT = (b"{", b"[")


@dataclass
class Live:
    """What is to be kept of a project: objects and chunks by their 32 bytes."""

    objects: set[bytes] = field(default_factory=set)
    chunks: DigestSet = field(default_factory=DigestSet)
    because: dict[str, int] = field(default_factory=dict)
    """How many objects each table refers to."""
    unreadable: list[str] = field(default_factory=list)
    """Manifests that are not here, so that what they name is not known."""
    nodes: set[bytes] = field(default_factory=set)
    """The nodes of manifests that were followed."""


def live_of(store: Store, project: str, without: Iterable[str] = ()) -> Live:
    """Everything that the database or a working copy refers to, of one project.

    Digests in rows that name no project count for every project. ``without`` leaves out versions
    by their ids.
    """
    found = Live()
    catch_up(store, project, found, without)
    return found


def catch_up(store: Store, project: str, found: Live, without: Iterable[str] = ()) -> None:
    """Add what is referred to by now; what is live already is not followed again."""
    found.because.clear()
    # The journal first: what it gives away meanwhile is in the database when that is read.
    roots = dict.fromkeys(_in_files(store.workspace.state))
    dropped = dropped_ids(store, project).union(without)
    with store.read() as connection:
        for reference in references(connection):
            if reference.project not in (None, project):
                continue
            if reference.table == dataset_versions.name and reference.row in dropped:
                continue
            found.because[reference.table] = found.because.get(reference.table, 0) + 1
            roots[bytes.fromhex(reference.digest)] = None
    follow(store.objects.of(project), roots, found)


def follow(objects: ProjectObjects, roots: Iterable[bytes], found: Live) -> None:
    """Add objects and all that they name: entries of manifests, digests in JSON documents."""
    nodes = TreeStore(objects)
    fresh: list[bytes] = []
    waiting = list(roots)
    while waiting:
        digest = waiting.pop()
        if digest in found.objects:
            continue
        try:
            recipe = objects.recipes([digest]).get(digest)
            known = recipe is not None or digest in objects.locate([digest])
            if not known:
                continue
            found.objects.add(digest)
            fresh.append(digest)
            head = objects.read_range(digest.hex(), 0, len(MAGIC))
            if head == MAGIC:
                for named in tree_objects(nodes, digest, found.nodes):
                    if named not in found.objects:
                        found.objects.add(named)
                        fresh.append(named)
            elif head[:1] in _DOCUMENT and objects.size(digest.hex()) <= _LARGEST_DOCUMENT:
                text = objects.read(digest.hex()).decode("utf-8", "replace")
                waiting.extend(bytes.fromhex(name) for name in digests_in_text(text))
        except (Unavailable, NotFound, Corrupt):
            found.unreadable.append(digest.hex())
    found.chunks.update(fresh)
    for group in groups(fresh):
        for recipe in objects.recipes(group).values():
            found.chunks.update(recipe.ids())


def dropped_ids(store: Store, project: str) -> set[str]:
    """The versions that lost their bytes to retention."""
    query = select(dropped_versions.c.version_id).where(dropped_versions.c.project == project)
    with store.read() as connection:
        return set(connection.execute(query).scalars())


def _in_files(state: Path) -> list[bytes]:
    """Digests in the journal and the index of the working copy: small databases beside ours."""
    found: list[bytes] = []
    for name, query in (
        ("journal.db", "SELECT digest FROM versions WHERE taken = 0"),
        ("working.db", "SELECT digest FROM tracked"),
        ("working.db", "SELECT root FROM tracked"),
        ("working.db", "SELECT DISTINCT digest FROM files"),
    ):
        if not (state / name).exists():
            continue
        connection = sqlite3.connect(f"file:{state / name}?mode=ro", uri=True, timeout=60)
        try:
            rows = connection.execute(query).fetchall()
        except sqlite3.OperationalError:
            # A file of a working copy that is being made: it has no tables yet.
            rows = []
        finally:
            connection.close()
        found += [value if isinstance(value, bytes) else _raw(str(value)) for (value,) in rows]
    return [digest for digest in found if len(digest) == 32]


def _raw(text: str) -> bytes:
    return bytes.fromhex(text) if len(text) == 64 else b""
