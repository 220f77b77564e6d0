"""``mw data add`` of a table: typed rows as a version, and the bytes exactly as they were given.

The bytes are copied (text packs well), not linked: a table is a file that people go on writing to.

A file is read, typed and written part by part, so memory does not grow with it.

Reading a table needs Arrow and keeping it the door, so nothing here is imported for files.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from millwright.data import trees
from millwright.data.client import snapshot
from millwright.data.connectors.files import table_pieces
from millwright.data.connectors.joined_files import joined_pieces
from millwright.data.parquet import write_parquet
from millwright.data.reading import downloaded, files_of
from millwright.data.trees import Entry, Kind
from millwright.data.working.adding import (
    Kept,
    alone_with,
    place_version,
    target_of,
    write_beside,
)
from millwright.data.working.copies import WorkingCopy
from millwright.data.working.index import Tracked
from millwright.data.working.ledger import find
from millwright.data.working.scanning import kind_of, look_at, settle, size_of
from millwright.data.working.storing import keeps_changing
from millwright.kernel.door import connect
from millwright.kernel.errors import InvalidInput

_ADDRESSES = ("http://", "https://")


def add_table(
    copy: WorkingCopy, source: str, *, name: str | None, message: str, key: tuple[str, ...]
) -> Kept:
    """Keep a table as the next version of its dataset.

    A single file also becomes part of the working copy; an address, a pattern or a folder of
    tables does not, as the version is not any one file.

    Raises:
        InvalidInput, NotFound: the source is no table; nothing is kept then.
        Conflict: the file changed while it was read.
    """
    path = Path(source)
    if source.startswith(_ADDRESSES) or not path.is_file():
        return _add_rows(copy, source, name, message, key)
    target = target_of(copy.place, [path], name)
    tracked = next((t for t in copy.index.tracked() if t.path == target.path), None)
    if tracked is not None and name is None:
        target = replace(target, name=tracked.name)
    file = target.base / target.members[0]
    with (
        alone_with(copy.place, target.path),
        tempfile.TemporaryDirectory(prefix="millwright-add-") as folder,
    ):
        before = look_at(file)
        settle([before] if before else [])
        table = Path(folder, "table.parquet")
        if write_parquet(table_pieces([path]), table, name=path.name) == 0:
            raise InvalidInput("data.empty", f"{path.name} has no rows.")
        original = copy.place.objects.put(file)
        after = look_at(file)
        if before is None or after is None or size_of(before) != size_of(after):
            raise keeps_changing(source)
        newest = _newest(copy, target.name)
        parents = (tracked.version_id,) if tracked is not None and tracked.version_id else None
        branch = tracked.branch if tracked is not None else "main"
        with connect(copy.place.workspace) as door:
            if "MILLWRIGHT_URL" in os.environ:
                door.upload(copy.place.project, file)
            version = snapshot(
                door, copy.place.project, target.name, table, target.path,
                original=original, key=key, message=message, branch=branch, parents=parents,
            )  # fmt: skip
        known = find(copy.ledger, target.name, version.id)
        kind = kind_of(after) or Kind.FILE
        entry = Entry(int(kind), size_of(after), bytes.fromhex(original))
        root = trees.build({target.members[0].encode(): entry}).root
        place = tracked or Tracked(
            0, target.path, target.name, 0, "", "table", "", b"", branch, target.members, False
        )
        member = target.members[0]
        now = place_version(
            copy.index, place, known, root, [{member: after}], given={member: entry}
        )
        write_beside(copy.place, now, known)
    is_new = known.version > newest
    return Kept(known, is_new, 0 if tracked else 1, 1 if tracked and is_new else 0, 0)


def _add_rows(
    copy: WorkingCopy, source: str, name: str | None, message: str, key: tuple[str, ...]
) -> Kept:
    if name is None:
        stem = Path(source.partition("?")[0]).name.split(".")[0]
        name = "".join(c if c.isalnum() or c in "_-" else "-" for c in stem).strip("-_")[:100]
    if not name or not name.isascii():
        raise InvalidInput(
            "data.no_name", f"'{source}' gives the dataset no name.", hint="Give one with --name."
        )
    newest = _newest(copy, name)
    with (
        tempfile.TemporaryDirectory(prefix="millwright-add-") as folder,
        connect(copy.place.workspace) as door,
    ):
        given = Path(folder, "given")
        given.mkdir()
        files = (
            [downloaded(source, given)]
            if source.startswith(_ADDRESSES)
            else files_of(Path(source).expanduser())
        )
        table = Path(folder, "table.parquet")
        if write_parquet(joined_pieces(files, Path(folder)), table, name=source) == 0:
            raise InvalidInput("data.empty", f"{source} has no rows.")
        version = snapshot(door, copy.place.project, name, table, source, key=key, message=message)
    return Kept(find(copy.ledger, name, version.id), version.version > newest, 0, 0, 0)


def _newest(copy: WorkingCopy, name: str) -> int:
    return max((version.version for version in copy.ledger.versions(name)), default=0)
