"""What changed in the working copy since its version: by signatures, and by bytes where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from millwright.data.trees import Entry, Kind
from millwright.data.trees.reading import lookup_many
from millwright.data.working.ignoring import read_ignores
from millwright.data.working.index import Tracked, WorkingIndex
from millwright.data.working.place import Place
from millwright.data.working.scanning import (
    EMPTY_FOLDER,
    Found,
    kind_of,
    look_at,
    scan,
    scan_members,
    settle,
    size_of,
)
from millwright.kernel.errors import NotFound, Unavailable

_BLOCK = 1 << 20
_MOST_HASHED_FOR_RENAMES = 10_000


@dataclass(frozen=True, slots=True)
class Review:
    """The state of a dataset's files against its version, paths in order."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    """Where a file was, and where it is now."""
    files: int = 0
    absent: bool = False
    """Whether the folder or file is not there at all."""

    @property
    def clean(self) -> bool:
        """Whether nothing changed."""
        return not (self.added or self.modified or self.removed or self.renamed)


@dataclass(slots=True)
class Suspects:
    """What signatures alone say: what has to be read to be certain."""

    found: Found
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def found_in(place: Place, tracked: Tracked) -> Found:
    """What is at a dataset's place now."""
    base = tracked.base(place.root)
    if tracked.members:
        return scan_members(base, tracked.members, follow=tracked.follow)
    if not base.is_dir():
        return {}
    return scan(base, read_ignores(base, place.root), follow=tracked.follow)


def suspects(index: WorkingIndex, tracked: Tracked | None, found: Found) -> Suspects:
    """Compare signatures; equal ones stand for equal bytes."""
    result = Suspects(found)
    if tracked is None:
        result.new = list(found)
        return result
    known = 0
    # A page at a time: a second signature of a million paths is as much memory as the first.
    for page in index.each_page(tracked.id):
        known += len(page)
        for path, sign in page.items():
            now = found.get(path)
            if now != sign:
                (result.gone if now is None else result.changed).append(path)
    if known - len(result.gone) < len(found):
        new = dict.fromkeys(found)
        for page in index.each_page(tracked.id):
            for path in page:
                new.pop(path, None)
        result.new = list(new)
    return result


def review(place: Place, index: WorkingIndex, tracked: Tracked) -> Review:
    """What changed since the version that is checked out.

    Files whose signature differs are read; where their bytes are the same after all, the signature
    is renewed, so that the next time is quick.
    """
    found = found_in(place, tracked)
    base = tracked.base(place.root)
    if not found and not base.exists():
        return Review(absent=True, removed=tuple(sorted(index.signatures(tracked.id))))
    seen = suspects(index, tracked, found)
    settle(found[path] for path in seen.changed)
    entries = entries_known(place, index, tracked, seen.changed)
    modified, renewed = [], {}
    for path in seen.changed:
        before = entries.get(path)
        if before is not None and entry_at(base / path, found[path], before) == before:
            renewed[path] = found[path]
        else:
            modified.append(path)
    if renewed:
        with index.writing():
            index.sign(tracked.id, renewed)
    renamed = _renames(place, index, tracked, seen)
    old, new = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    return Review(
        added=tuple(sorted(path for path in seen.new if path not in new)),
        modified=tuple(sorted(modified)),
        removed=tuple(sorted(path for path in seen.gone if path not in old)),
        renamed=tuple(sorted(renamed)),
        files=len(found),
    )


def entry_at(path: Path, sign: bytes, expected: Entry | None = None) -> Entry | None:
    """The entry of what is at a path, its bytes read unless its size already tells it apart."""
    kind = kind_of(sign)
    if kind is None:
        return None
    if kind == Kind.FOLDER:
        return Entry(Kind.FOLDER, 0, bytes(32))
    size = size_of(sign)
    if kind == Kind.LINK:
        from blake3 import blake3

        target = str(path.readlink()).encode()
        return Entry(kind, len(target), blake3(target).digest())
    if expected is not None and size != expected.size:
        return None
    return Entry(kind, size, digest_at(path))


def digest_at(path: Path) -> bytes:
    """The digest of a file's bytes, read in blocks."""
    from blake3 import blake3

    hasher = blake3()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return hasher.digest()


def entries_known(
    place: Place, index: WorkingIndex, tracked: Tracked, paths: Iterable[str]
) -> dict[str, Entry]:
    """The entries of some paths in the version that is in the working copy.

    None of any where its manifest is not here: then nothing is known of what the files were.
    """
    wanted = list(paths)
    if not tracked.id or not wanted:
        return {}
    if tracked.kind == "table":
        given = index.given(tracked.id)
        return {path: given[path] for path in wanted if path in given}
    try:
        found = lookup_many(place.trees, tracked.root, [path.encode() for path in wanted])
    except (NotFound, Unavailable):
        return {}
    return {path.decode(): entry for path, entry in found.items()}


def _renames(
    place: Place, index: WorkingIndex, tracked: Tracked, seen: Suspects
) -> list[tuple[str, str]]:
    if not seen.new or not seen.gone:
        return []
    base = tracked.base(place.root)
    by_size: dict[int, list[str]] = {}
    for path in seen.new:
        sign = seen.found[path]
        if sign != EMPTY_FOLDER and size_of(sign):
            by_size.setdefault(size_of(sign), []).append(path)
    gone = entries_known(place, index, tracked, seen.gone)
    sizes = {entry.size for entry in gone.values()}
    candidates = [path for size in sizes for path in by_size.get(size, ())]
    if not candidates or len(candidates) > _MOST_HASHED_FOR_RENAMES:
        return []
    now: dict[Entry, list[str]] = {}
    for path in candidates:
        entry = entry_at(base / path, seen.found[path])
        if entry is not None:
            now.setdefault(entry, []).append(path)
    return [(old, now[entry].pop(0)) for old, entry in sorted(gone.items()) if now.get(entry)]


def current(path: Path, *, follow: bool = False) -> tuple[bytes, Entry | None] | None:
    """Signature and entry of what is at a path now; None where nothing is."""
    sign = look_at(path, follow=follow)
    return None if sign is None else (sign, entry_at(path, sign))
