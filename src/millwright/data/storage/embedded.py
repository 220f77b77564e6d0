"""Push and fetch in the caller's process, without the door, where nobody else keeps the bytes.

So it is for a workspace with SQLite beside the project and no server running. Anything else, and
whatever needs the metadata store to change, goes through the door.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from millwright.data.references import split
from millwright.data.storage.choosing import chosen
from millwright.data.storage.definitions import RemoteDefinition, find_definition
from millwright.data.storage.fetching import News, fetch_bytes, look, news
from millwright.data.storage.head_store import RemoteHeads
from millwright.data.storage.heads import Row
from millwright.data.storage.known_versions import known_versions
from millwright.data.storage.opening import open_defined
from millwright.data.storage.pushing import Pushed, push
from millwright.data.storage.transfers import note_beside_the_door, transfer_note
from millwright.data.working.journal import Journal, Known
from millwright.data.working.place import Place
from millwright.kernel.remotes.progress import Moved

Tell = Callable[[Moved], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch did."""

    remote: str
    versions: tuple[str, ...]
    chunks: int
    packs: int
    size: int


def possible(place: Place, remote: str | None) -> RemoteDefinition | None:
    """The remote to use if the door is not needed; None where it is."""
    if os.environ.get("MILLWRIGHT_URL") or os.environ.get("MILLWRIGHT_DATABASE_URL"):
        return None
    if place.workspace.running_url() is not None:
        return None
    definition = find_definition(place.state, remote)
    return None if definition.heads == "database" else definition


def push_here(
    place: Place,
    definition: RemoteDefinition,
    references: Sequence[str],
    *,
    every: bool,
    jobs: int,
    tell: Tell | None,
) -> Pushed:
    """As ``transfer_service.push_versions``."""
    opened = open_defined(place.state, definition, place.project)
    rows, refs = known_versions(place.state, place.project)
    if references:
        rows = chosen(references, rows, refs, every=True)
        refs = {name: refs.get(name, {}) for name in {row["name"] for row in rows}}
    heads = RemoteHeads(opened.remote, opened.prefix)
    done = push(opened, heads, place.objects, rows, refs, recheck=every, jobs=jobs, tell=tell)
    if done.chunks or done.versions:
        _note(place, "push", done)
    return done


def fetch_here(
    place: Place,
    definition: RemoteDefinition,
    references: Sequence[str],
    *,
    every: bool,
    jobs: int,
    tell: Tell | None,
) -> Fetched | None:
    """As ``transfer_service.fetch_versions``; None where the metadata store has to change."""
    opened = open_defined(place.state, definition, place.project)
    names = [split(reference)[0] for reference in references] or None
    heads = look(RemoteHeads(opened.remote, opened.prefix), names)
    rows, refs = known_versions(place.state, place.project)
    fresh = [found for head in heads if (found := news(head, rows, refs.get(head.name, {})))]
    if any(not _journalled(found, rows) for found in fresh):
        return None
    rows += [row for found in fresh for row in _keep(place, found)]
    there = {head.name for head in heads}
    wanted = chosen(
        references,
        [row for row in rows if names is not None or row["name"] in there],
        refs,
        every=every,
    )
    moved = fetch_bytes(opened, place.objects, wanted, jobs=jobs, tell=tell)
    versions = tuple(f"{row['name']}@{row['version']}" for row in wanted)
    done = Fetched(definition.name, versions, moved.chunks, moved.packs, moved.size)
    if done.chunks or fresh:
        _note(place, "fetch", done)
    return done


def _note(place: Place, way: str, done: Pushed | Fetched) -> None:
    note = transfer_note(place.project, done.remote, way, done.versions, done.chunks, done.size)
    note_beside_the_door(place.state, note)


def _journalled(found: News, rows: list[Row]) -> bool:
    """Whether the journal can hold it: new versions of files, and nothing else."""
    known = {row["id"] for row in rows}
    return not found.refs and all(
        row["kind"] == "files"
        and row["id"] not in known
        and not (row.get("rewritten_ms") or row.get("dropped_ms"))
        for row in found.versions
    )


def _keep(place: Place, found: News) -> list[Row]:
    journal = Journal(place.state)
    kept = []
    try:
        with journal.alone():
            rows, _ = known_versions(place.state, place.project)
            numbers = {row["version"] for row in rows if row["name"] == found.head.name}
            for row in found.versions:
                if any(row["id"] == known["id"] for known in rows):
                    continue
                number = row["version"] if row["version"] not in numbers else max(numbers) + 1
                numbers.add(number)
                named = {**row, "name": found.head.name, "version": number, "kind": "files"}
                version = Known.of_row(place.project, named)
                journal.append(version)
                kept.append({**row, "version": number})
    finally:
        journal.close()
    return kept
