"""Files for readers that need a path: of linked objects their own, of packed ones a cached copy."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from millwright.kernel.objects.digests import raw_digest
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.restoring import restore, whole_link

_CACHE_BYTES = 2 << 30


def local_path(parts: Parts, digest: str) -> Path:
    """A read-only file with the object's bytes; what is packed is written to a cache first.

    The cache keeps about 2 GiB; what was asked for longest ago goes first. A file that somebody
    has open stays readable for them.
    """
    object_id = raw_digest(digest)
    recipe = parts.recipe(object_id)
    linked = whole_link(parts, object_id, recipe)
    if linked is not None:
        return linked
    folder = parts.root / "cache"
    path = folder / digest
    try:
        if path.stat().st_size == recipe.size:
            os.utime(path)
            return path
    except FileNotFoundError:
        folder.mkdir(exist_ok=True)
    _trim(folder, _CACHE_BYTES - recipe.size)
    restore(parts, object_id, path, how="copy")
    path.chmod(0o444)
    return path


def drop_cached(parts: Parts, object_ids: Iterable[bytes]) -> int:
    """Remove the cached files of objects; how many bytes they took."""
    freed = 0
    for object_id in object_ids:
        path = parts.root / "cache" / object_id.hex()
        with suppress(FileNotFoundError):
            freed += path.stat().st_size
            path.unlink()
    return freed


def _trim(folder: Path, room: int) -> None:
    cached = []
    for path in folder.iterdir():
        # What begins with a dot is being written; and whatever is here, others may remove.
        if not path.name.startswith("."):
            with suppress(FileNotFoundError):
                found = path.stat()
                cached.append((found.st_mtime_ns, found.st_size, path))
    size = sum(taken for _, taken, _ in cached)
    for _, taken, path in sorted(cached):
        if size <= max(room, 0):
            return
        size -= taken
        path.unlink(missing_ok=True)
