"""Push: the bytes of versions to a remote, then the versions themselves to its heads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from blake3 import blake3

from millwright.data.storage.head_store import HeadStore
from millwright.data.storage.heads import Head, Row, merged
from millwright.data.storage.opening import OpenedRemote
from millwright.data.storage.reach import objects_of
from millwright.data.tree_store import TreeStore
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.remotes.progress import Moved, Progress
from millwright.kernel.remotes.sending import JOBS, Sent, send

Refs = Mapping[str, Mapping[str, Row]]


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push did."""

    remote: str
    versions: tuple[str, ...]
    """References (``name@version``) that were new to the remote."""
    chunks: int
    packs: int
    size: int
    complete: bool


def push(
    opened: OpenedRemote,
    heads: HeadStore,
    objects: ProjectObjects,
    rows: list[Row],
    refs: Refs,
    *,
    recheck: bool = False,
    jobs: int = JOBS,
    seconds: float | None = None,
    tell: Callable[[Moved], None] | None = None,
) -> Pushed:
    """Bring versions, tags and branches to a remote; what is there already is not moved.

    Args:
        opened, heads: the remote.
        objects: the project's objects.
        rows, refs: versions, and refs by dataset and name.
        recheck: look at every version's bytes, also where the remote knows the version.
        jobs: how many packs are sent at once.
        seconds: stop after so long, to be called again.
        tell: hears how far it is.
    """
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row["name"], []).append(row)
    note = _Note(opened)
    changed = {
        name: some
        for name, some in by_name.items()
        if recheck or not note.holds(heads, name, _fingerprint(some, refs.get(name, {})))
    }
    if not changed:
        return Pushed(opened.definition.name, (), 0, 0, 0, True)
    fresh = [row for name, some in changed.items() for row in _fresh(heads, name, some, recheck)]
    opened.must_be_writable()
    sent = _send(opened, objects, fresh, jobs, seconds, tell)
    if sent.complete:
        # Before the heads, so that no reader learns of versions whose packs are not listed.
        opened.renew_publication()
        for name, some in changed.items():
            _publish(heads, note, name, some, refs.get(name, {}))
        _send_again_if_swept(opened, objects, fresh)
        opened.renew_publication()
        note.keep()
    references = tuple(f"{row['name']}@{row['version']}" for row in fresh)
    return Pushed(
        opened.definition.name, references, sent.chunks, sent.packs, sent.size, sent.complete
    )


def _fresh(heads: HeadStore, name: str, rows: list[Row], recheck: bool) -> list[Row]:
    found = heads.get(name)
    kept = [row for row in rows if not row.get("dropped_ms")]
    if found is None or recheck:
        return kept
    known = Head.decoded(found.content).versions
    return [
        row
        for row in kept
        if row["id"] not in known
        or row.get("rewritten_ms", 0) > known[row["id"]].get("rewritten_ms", 0)
    ]


def _send(
    opened: OpenedRemote,
    objects: ProjectObjects,
    rows: list[Row],
    jobs: int,
    seconds: float | None,
    tell: Callable[[Moved], None] | None,
) -> Sent:
    if not rows:
        return Sent()
    catalogue = opened.catalogue()
    try:
        catalogue.refresh()
        wanted = objects_of(TreeStore(objects), rows)
        progress = Progress(tell)
        return send(objects, catalogue, wanted, jobs=jobs, progress=progress, seconds=seconds)
    finally:
        catalogue.close()


def _send_again_if_swept(opened: OpenedRemote, objects: ProjectObjects, rows: list[Row]) -> None:
    """Garbage collection may have taken chunks that were there before the heads named them.

    It reads the heads once more after it changed the catalogue, so one of the two always sees the
    other.
    """
    if not rows:
        return
    catalogue = opened.catalogue()
    try:
        if catalogue.refresh():
            send(objects, catalogue, objects_of(TreeStore(objects), rows))
    finally:
        catalogue.close()


def _publish(
    heads: HeadStore, note: _Note, name: str, rows: list[Row], refs: Mapping[str, Row]
) -> None:
    def merge(now: bytes | None) -> bytes:
        there = Head(name) if now is None else Head.decoded(now)
        return merged(there, rows, refs).encoded()

    found = heads.update(name, merge)
    assert found is not None
    note.learn(name, _fingerprint(rows, refs), found.tag)


class _Note:
    """What was pushed last, so that a push with nothing new asks one question per dataset."""

    def __init__(self, opened: OpenedRemote) -> None:
        self._path = opened.folder / "pushed.json"
        try:
            self._known: dict[str, list[str]] = json.loads(self._path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            self._known = {}

    def holds(self, heads: HeadStore, name: str, fingerprint: str) -> bool:
        known = self._known.get(name)
        if known is None or known[0] != fingerprint:
            return False
        found = heads.get(name)
        return found is not None and found.tag == known[1]

    def learn(self, name: str, fingerprint: str, tag: str) -> None:
        self._known[name] = [fingerprint, tag]

    def keep(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(self._known), "utf-8")
        temporary.replace(self._path)


def _fingerprint(rows: Iterable[Row], refs: Mapping[str, Row]) -> str:
    known = sorted(
        (row["id"], row["digest"], row.get("rewritten_ms", 0), row.get("dropped_ms", 0))
        for row in rows
    )
    return blake3(json.dumps([known, dict(refs)], sort_keys=True).encode()).hexdigest()
