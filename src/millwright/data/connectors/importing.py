"""Importing from a source through the door, and importing again when the source changed."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from millwright.data import trees
from millwright.data.connectors.interface import Content, FilesContent, Source, TableContent
from millwright.data.connectors.opening import open_source
from millwright.data.connectors.records import (
    DatasetSource,
    NewSource,
    Observation,
    Observed,
    SourceOptions,
    SourceState,
)
from millwright.data.parquet import ParquetSink
from millwright.data.records import DatasetVersion, NewVersion
from millwright.data.trees import Entry, Kind, check_path
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, MillwrightError, NotFound

OnProgress = Callable[[int, int], None]
"""Rows (or files) so far, and how many there are; 0 where nobody knows."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import."""

    version: DatasetVersion
    is_new: bool
    """Whether the data was other than that of the newest version."""
    source: DatasetSource


@dataclass(frozen=True, slots=True)
class Updated:
    """What came of looking at the source of a dataset again."""

    name: str
    changed: bool
    imported: Imported | None = None
    error: MillwrightError | None = None


def import_source(
    door: Door,
    project: str,
    name: str,
    address: str,
    options: SourceOptions | None = None,
    *,
    base: Path | None = None,
    message: str = "",
    key: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> Imported:
    """Keep what a source holds as the next version of a dataset, and record where it came from.

    The source is read here, by whoever calls; only bytes, the address without secrets, and the
    state of the source go through the door. Memory does not grow with the size of a table.

    Args:
        door: the way to the control plane.
        project, name: where it goes.
        address: see ``open_source``.
        options: what of the source is wanted.
        base: the folder that a relative path starts from.
        message: what changed and why.
        key: columns whose values together name a row.
        on_progress: called with rows or files as they come.

    Raises:
        MillwrightError: the source cannot be read, or is not what it should be.
    """
    options = options or SourceOptions()
    source = open_source(address, options, base)
    # Asked before it is read: what comes in while reading is then a change to be seen later.
    before = source.state()
    with tempfile.TemporaryDirectory(prefix="millwright-import-") as folder:
        content = source.content(Path(folder))
        request = _upload(door, project, name, content, Path(folder), on_progress)
    shown = source.url
    request = request.model_copy(
        update={"message": message, "key": tuple(key), "source": shown[:1000]}
    )
    newest = _newest(door, project, name)
    path = f"/projects/{project}/datasets/{name}"
    version = DatasetVersion.model_validate(door.post(f"{path}/versions", request))
    state = before or source.state() or SourceState(kind="result", value=request.digest)
    new = NewSource(url=shown, options=options, state=state)
    recorded = door.put(f"{path}/versions/{version.version}/source", new)
    return Imported(version, newest != version.id, DatasetSource.model_validate(recorded))


def list_sources(door: Door, project: str) -> list[DatasetSource]:
    """The source of every dataset that was imported."""
    found = door.get(f"/projects/{project}/data-sources")
    return [DatasetSource.model_validate(one) for one in found]


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking at a source found."""

    name: str
    changed: bool | None
    """None where only reading it tells, or where it could not be looked at."""
    error: MillwrightError | None = None


def look_for_changes(
    door: Door, project: str, names: Sequence[str] = (), *, base: Path | None = None
) -> Iterator[Looked]:
    """Whether each source changed since it was imported; one that fails does not stop the others.

    A change is reported through the door, where it becomes the event ``dataset.source-changed``.
    """
    for known in _chosen(list_sources(door, project), names):
        try:
            state = open_source(known.url, known.options, base).state()
            changed = None
            if state is not None:
                changed = _observed(door, project, known.name, state).changed
            yield Looked(known.name, changed)
        except MillwrightError as error:
            yield Looked(known.name, None, error)


def update(
    door: Door,
    project: str,
    names: Sequence[str] = (),
    *,
    base: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Iterator[Updated]:
    """Import again what changed at its source; a source that fails does not stop the others."""
    for known in _chosen(list_sources(door, project), names):
        try:
            yield _updated(door, project, known, base, on_progress)
        except MillwrightError as error:
            yield Updated(known.name, changed=False, error=error)


def _updated(
    door: Door,
    project: str,
    known: DatasetSource,
    base: Path | None,
    on_progress: OnProgress | None,
) -> Updated:
    source: Source = open_source(known.url, known.options, base)
    state = source.state()
    if state is not None and not _observed(door, project, known.name, state).changed:
        return Updated(known.name, changed=False)
    imported = import_source(
        door,
        project,
        known.name,
        known.url,
        known.options,
        base=base,
        message=f"Update from {known.url}"[:10_000],
        on_progress=on_progress,
    )
    return Updated(known.name, changed=imported.is_new, imported=imported)


def _observed(door: Door, project: str, name: str, state: SourceState) -> Observed:
    path = f"/projects/{project}/datasets/{name}/source/observations"
    return Observed.model_validate(door.post(path, Observation(state=state)))


def _chosen(sources: list[DatasetSource], names: Sequence[str]) -> list[DatasetSource]:
    known = {source.name: source for source in sources}
    for name in names:
        if name not in known:
            raise NotFound(
                "data.no_source",
                f"Dataset '{name}' was not imported from anywhere.",
                hint=f"Import it with: mw data import {name} SOURCE",
                value=name,
            )
    return [known[name] for name in (names or known)]


def _upload(
    door: Door,
    project: str,
    name: str,
    content: Content,
    folder: Path,
    on_progress: OnProgress | None,
) -> NewVersion:
    if isinstance(content, FilesContent):
        root = _upload_files(door, project, content, on_progress)
        return NewVersion(digest=root, kind="files")
    path = folder / "table.parquet"
    _write_table(content, path, name, on_progress)
    original = None if content.original is None else door.upload(project, content.original)
    return NewVersion(digest=door.upload(project, path), original=original)


def _write_table(
    content: TableContent, path: Path, name: str, on_progress: OnProgress | None
) -> None:
    with ParquetSink(path, name=name) as sink:
        for piece in content.pieces:
            sink.write(piece)
            if on_progress is not None:
                on_progress(sink.rows, 0)
    if sink.rows == 0:
        raise InvalidInput("data.empty", f"The source of '{name}' has no rows.")


def _upload_files(
    door: Door, project: str, content: FilesContent, on_progress: OnProgress | None
) -> str:
    paths = sorted(path for path in content.folder.rglob("*") if path.is_file())
    entries: dict[bytes, Entry] = {}
    for number, path in enumerate(paths, start=1):
        found = path.stat()
        runs = bool(found.st_mode & stat.S_IXUSR) and os.name != "nt"
        digest = bytes.fromhex(door.upload(project, path))
        name = check_path(path.relative_to(content.folder).as_posix())
        entries[name] = Entry(Kind.EXECUTABLE if runs else Kind.FILE, found.st_size, digest)
        if on_progress is not None:
            on_progress(number, len(paths))
    built = trees.build(entries)
    for node in built.nodes.values():
        door.upload(project, node)
    return built.root.hex()


def _newest(door: Door, project: str, name: str) -> str | None:
    try:
        path = f"/projects/{project}/datasets/{name}/versions/latest"
        return DatasetVersion.model_validate(door.get(path)).id
    except NotFound:
        return None
