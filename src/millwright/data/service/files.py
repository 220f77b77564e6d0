"""What is in a version of files: its folders, and what differs from another version."""

from __future__ import annotations

from itertools import islice
from typing import Literal

from millwright.data import trees
from millwright.data.records import (
    DatasetVersion,
    FileChange,
    FileDiff,
    FileItem,
    FileListing,
)
from millwright.data.service.queries import get_version
from millwright.data.tree_store import TreeStore
from millwright.data.trees import Change, Entry, Kind, Totals
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.store import Store

ItemKind = Literal["file", "executable", "link", "folder", "erased"]
_KINDS: dict[int, ItemKind] = {
    Kind.FILE: "file",
    Kind.EXECUTABLE: "executable",
    Kind.LINK: "link",
    Kind.FOLDER: "folder",
    Kind.ERASED: "erased",
}
_MOST_TARGET_BYTES = 4096


def open_tree(store: Store, version: DatasetVersion) -> tuple[TreeStore, bytes]:
    """The manifest of a version: where its nodes are, and its root.

    A table counts as the one file that it was given as.

    Raises:
        InvalidInput: it is a table that was never a file.
    """
    if version.tree is not None:
        return TreeStore(store.objects.of(version.project)), bytes.fromhex(version.tree)
    raise InvalidInput(
        "data.no_files",
        f"{version.reference} is a table, not files.",
        hint=f"See its columns with: mw data show {version.reference}",
        value=version.reference,
    )


def list_files(
    store: Store, project: str, name: str, version: str, path: str, after: str, limit: int
) -> FileListing:
    """The names in a folder of a version, by name, and its folders with what is below them.

    Args:
        store, project, name, version: which version.
        path: a folder, or a file; empty for the whole.
        after: a name; only those that come later are given.
        limit: at most so many names.

    Raises:
        NotFound: there is no such path.
    """
    nodes, root = open_tree(store, get_version(store, project, name, version))
    folder = path.strip("/").encode()
    items = trees.list_folder(nodes, root, folder, after.encode())
    page = list(islice(items, limit + 1))
    if not page and folder and not after:
        entry = trees.lookup(nodes, root, folder)
        if entry is None:
            raise NotFound(
                "data.unknown_path",
                f"{name}@{version} has no '{path}'.",
                hint=f"See what it has with: mw data ls {name}@{version}",
                value=path,
            )
        return FileListing(items=(_item(path.rpartition("/")[2], entry, None),))
    listed = tuple(_item(item.name, item.entry, item.below) for item in page[:limit])
    more = len(page) > limit
    return FileListing(items=listed, after=listed[-1].name if more and listed else None)


def diff_files(
    store: Store, project: str, name: str, before: str, after: str, limit: int
) -> FileDiff:
    """What differs between two versions of files, renames included."""
    old = get_version(store, project, name, before)
    new = get_version(store, project, name, after)
    nodes, old_root = open_tree(store, old)
    _, new_root = open_tree(store, new)
    found = trees.diff(nodes, old_root, new_root)
    changes = list(islice(_changes(found), limit))
    return FileDiff(
        name=name,
        from_version=old.version,
        to_version=new.version,
        added=len(found.added),
        removed=len(found.removed),
        modified=len(found.modified),
        renamed=len(found.renamed),
        changes=tuple(sorted(changes, key=lambda change: change.path)),
        truncated=len(found) > limit,
    )


def checked_totals(store: Store, project: str, root: str) -> Totals:
    """How much a manifest holds, once all of it is known to be here and to be harmless.

    Raises:
        NotFound: a node, or the bytes of a file, are not in the store.
        InvalidInput: it is no manifest, or has paths or links that lead outside.
    """
    nodes = TreeStore(store.objects.of(project))
    top = bytes.fromhex(root)
    missing: list[str] = []
    batch: set[str] = set()

    def look_up(wanted: set[str]) -> None:
        missing.extend(wanted - nodes.objects.has_many(wanted))

    for key, entry in trees.walk(nodes, top):
        path = key.decode()
        trees.check_path(path)
        if entry.kind == Kind.LINK:
            if entry.size > _MOST_TARGET_BYTES:
                raise InvalidInput("data.link", f"The target of '{path}' is too long.")
            trees.check_target(path, nodes.objects.read(entry.hex).decode())
        if entry.kind != Kind.FOLDER:
            batch.add(entry.hex)
        if len(batch) >= 1000:
            look_up(batch)
            batch = set()
    look_up(batch)
    if missing:
        raise NotFound(
            "objects.unknown",
            f"{len(missing)} of the manifest's files are not in the store.",
            hint="Upload the bytes of all files before the version.",
            value=missing[0],
        )
    return trees.totals(nodes, top)


def _item(name: str, entry: Entry | None, below: Totals | None) -> FileItem:
    if entry is None:
        assert below is not None
        return FileItem(name=name, kind="folder", size=below.size, files=below.entries)
    digest = None if entry.kind == Kind.FOLDER else entry.hex
    return FileItem(name=name, kind=_KINDS[entry.kind], size=entry.size, digest=digest)


def _changes(found: trees.Difference) -> list[FileChange]:
    changes = [
        FileChange(change="renamed", before=old.path.decode(), **_sides(new.path, old, new))
        for old, new in found.renamed
    ]
    kinds: tuple[tuple[Literal["added", "removed", "modified"], tuple[Change, ...]], ...] = (
        ("added", found.added),
        ("removed", found.removed),
        ("modified", found.modified),
    )
    for kind, group in kinds:
        changes += [FileChange(change=kind, **_sides(one.path, one, one)) for one in group]
    return sorted(changes, key=lambda change: change.path)


def _sides(path: bytes, old: Change, new: Change) -> dict[str, str | int | None]:
    before, after = old.before, new.after
    return {
        "path": path.decode(),
        "size_before": None if before is None else before.size,
        "size_after": None if after is None else after.size,
        "digest_before": None if before is None else before.hex,
        "digest_after": None if after is None else after.hex,
    }
