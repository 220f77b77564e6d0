"""Fetch: versions that others pushed, and the bytes of those that are wanted here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from millwright.data.storage.head_store import HeadStore
from millwright.data.storage.heads import Head, Row
from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.reach import objects_of
from millwright.data.tree_store import TreeStore
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.progress import Moved, Progress
from millwright.kernel.remotes.receiving import JOBS, Received, receive


@dataclass(frozen=True, slots=True)
class News:
    """What a remote knows of a dataset that is not known here."""

    head: Head
    versions: tuple[Row, ...]
    """Unknown here, or rewritten since: by number."""
    refs: dict[str, Row]

    def __bool__(self) -> bool:
        return bool(self.versions or self.refs)


def look(heads: HeadStore, names: Iterable[str] | None) -> list[Head]:
    """The heads on a remote: of these datasets, or of all."""
    if names is None:
        return heads.all()
    found = [heads.get(name) for name in dict.fromkeys(names)]
    return [Head.decoded(one.content) for one in found if one is not None]


def news(head: Head, rows: Iterable[Row], refs: dict[str, Row]) -> News:
    """What of a head is new, given the versions and refs known here."""
    known = {row["id"]: row for row in rows if row["name"] == head.name}
    versions = [
        row
        for row in head.versions.values()
        if row["id"] not in known
        or row.get("rewritten_ms", 0) > known[row["id"]].get("rewritten_ms", 0)
        or (row.get("dropped_ms") and not known[row["id"]].get("dropped_ms"))
    ]
    moved = {
        name: ref
        for name, ref in head.refs.items()
        if name not in refs or ref["updated_ms"] > refs[name]["updated_ms"]
    }
    return News(head, tuple(sorted(versions, key=lambda row: row["version"])), moved)


def fetch_bytes(
    opened: OpenedRemote,
    objects: ProjectObjects,
    rows: Iterable[Row],
    *,
    jobs: int = JOBS,
    seconds: float | None = None,
    tell: Callable[[Moved], None] | None = None,
) -> Received:
    """Bring the bytes of versions here; what is here already is not moved.

    Versions whose bytes retention let go have none to bring.

    Raises:
        NotFound: the remote lacks some of them.
    """
    wanted = [row for row in rows if not row.get("dropped_ms")]
    if not wanted:
        return Received()
    catalogue = opened.catalogue()
    try:
        catalogue.refresh()
        found = _objects(opened, catalogue, objects, wanted)
        return receive(
            objects,
            catalogue,
            found,
            opened.staging,
            jobs=jobs,
            progress=Progress(tell),
            seconds=seconds,
        )
    finally:
        catalogue.close()


def _objects(
    opened: OpenedRemote, catalogue: Catalogue, objects: ProjectObjects, rows: list[Row]
) -> list[bytes]:
    def bring(nodes: list[bytes]) -> None:
        receive(objects, catalogue, nodes, opened.staging)

    return objects_of(TreeStore(objects), rows, bring)
