"""Writing stored objects out as files: cloned, linked or copied, whichever is asked and possible."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from blake3 import blake3

from millwright.kernel.errors import InvalidInput, disk_full
from millwright.kernel.objects.digests import raw_digest
from millwright.kernel.objects.filesystem import clone
from millwright.kernel.objects.linked import hard_link, replace
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.reading import damaged
from millwright.kernel.objects.recipe import Recipe

How = Literal["reflink", "hardlink", "copy", "auto"]
_WAYS = ("auto", "reflink", "hardlink", "copy")
_EXECUTE = 0o111


def restore(
    parts: Parts, digest: str, path: Path, *, how: How = "auto", executable: bool | None = None
) -> str:
    """Write an object out under a name, replacing what is there at once; says which way it took.

    ``auto`` takes the first that works: a clone (private and free), a hard link (free, and write-
    protected), a copy. ``reflink`` and ``hardlink`` end in a copy where the filesystem cannot.
    """
    if how not in _WAYS:
        raise InvalidInput(
            "objects.how",
            f"'{how}' is no way to write a file out.",
            hint="Use reflink, hardlink, copy or auto.",
            value=how,
        )
    object_id = raw_digest(digest)
    recipe = parts.recipe(object_id)
    temporary = path.with_name(f".mw-{os.urandom(8).hex()}")
    try:
        way = _written(parts, object_id, recipe, temporary, how, executable)
        replace(temporary, path)
    except BaseException as cause:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(cause, OSError):
            raise disk_full(cause, str(path.parent)) or cause from cause
        raise
    return way


def restore_many(
    parts: Parts, wanted: Iterable[tuple[str, Path, bool]], *, how: How = "auto"
) -> None:
    """As ``restore`` for many: digest, path, and whether the file is executable."""
    for digest, path, executable in wanted:
        restore(parts, digest, path, how=how, executable=executable)


def whole_link(parts: Parts, object_id: bytes, recipe: Recipe) -> Path | None:
    """The linked file that is the object and nothing else, unchanged since it was linked."""
    first = parts.index.locate([recipe.chunks[0][0]]).get(recipe.chunks[0][0])
    if first is None or first.source >= 0 or first.offset:
        return None
    rows = parts.index.rows("SELECT object, mtime_ns FROM links WHERE id = ?", (-first.source,))
    if not rows or rows[0][0] != object_id:
        return None
    path = parts.links.path(-first.source)
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if found.st_size != recipe.size:
        return None
    if found.st_mtime_ns != rows[0][1] and _digest_of(path) != object_id:
        return None
    return path


def local_path(parts: Parts, digest: str) -> Path:
    """A read-only file with the object's bytes; what is packed is written to a cache first."""
    object_id = raw_digest(digest)
    recipe = parts.recipe(object_id)
    linked = whole_link(parts, object_id, recipe)
    if linked is not None:
        return linked
    folder = parts.root / "cache"
    path = folder / digest
    if path.exists() and path.stat().st_size == recipe.size:
        return path
    folder.mkdir(exist_ok=True)
    restore(parts, digest, path, how="copy")
    path.chmod(0o444)
    return path


def _written(
    parts: Parts, object_id: bytes, recipe: Recipe, target: Path, how: How, executable: bool | None
) -> str:
    linked = whole_link(parts, object_id, recipe) if how != "copy" else None
    if linked is not None:
        if how in ("auto", "reflink") and _cloned(linked, target, bool(executable)):
            return "reflink"
        fits = executable is None or bool(linked.stat().st_mode & 0o100) == executable
        if how in ("auto", "hardlink") and fits and hard_link(linked, target):
            return "hardlink"
    _copied(parts, object_id, recipe, target, bool(executable))
    return "copy"


def _cloned(source: Path, target: Path, executable: bool) -> bool:
    handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        made = _created(target, executable)
        try:
            if clone(handle, made):
                return True
        finally:
            os.close(made)
        target.unlink()
        return False
    finally:
        os.close(handle)


def _copied(parts: Parts, object_id: bytes, recipe: Recipe, target: Path, executable: bool) -> None:
    whole = blake3()
    with open(_created(target, executable), "wb") as file:
        for piece in parts.reader.stream(recipe):
            whole.update(piece)
            file.write(piece)
    if whole.digest() != object_id:
        raise damaged(object_id.hex(), parts.root)


def _created(path: Path, executable: bool) -> int:
    mode = 0o666 | (_EXECUTE if executable else 0)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def _digest_of(path: Path) -> bytes:
    hasher = blake3()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.digest()
