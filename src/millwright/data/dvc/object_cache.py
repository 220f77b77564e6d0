"""DVC's cache folder: where an object of either format lies, and how one is put there.

Format 3 keeps ``files/md5/ab/cdef…``, format 2 keeps ``ab/cdef…``. Objects are read-only (0444):
that mode is also how DVC knows it need not hash them again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from millwright.data.dvc import linking
from millwright.data.dvc.dir_objects import SUFFIX, Entry, is_digest, parse
from millwright.data.dvc.files import LEGACY
from millwright.kernel.errors import NotFound

_HEX = "0123456789abcdef"


def key_of(md5: str, kind: str) -> str:
    """An object's path below a cache or a remote."""
    return f"{md5[:2]}/{md5[2:]}" if kind == LEGACY else f"files/md5/{md5[:2]}/{md5[2:]}"


def prefix_of(kind: str) -> str:
    """What all keys of a format begin with."""
    return "" if kind == LEGACY else "files/md5/"


class ObjectCache:
    """The cache of a repository, both formats."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._made: set[str] = set()

    def path(self, md5: str, kind: str) -> str:
        """Where an object is or would be."""
        return f"{self.folder}/{key_of(md5, kind)}"

    def has(self, md5: str, kind: str) -> bool:
        """Whether an object is here."""
        return os.path.exists(self.path(md5, kind))

    def missing(self, wanted: Iterable[str], kind: str) -> set[str]:
        """Those of the wanted objects that are not here: one listing where many are asked for."""
        names = set(wanted)
        if len(names) < 200:
            return {md5 for md5 in names if not self.has(md5, kind)}
        return names - set(self.names(kind))

    def names(self, kind: str) -> Iterator[str]:
        """All objects of a format."""
        yield from names_below(f"{self.folder}/{prefix_of(kind)}")

    def entries(self, md5: str, kind: str) -> list[Entry]:
        """What a folder holds.

        Raises:
            NotFound: its ``.dir`` object is not in the cache.
        """
        try:
            with open(self.path(md5, kind), "rb") as file:
                return parse(file.read(), f"The object {md5}")
        except FileNotFoundError:
            raise NotFound(
                "dvc.not_in_cache",
                f"The list of files {md5} is not in the cache.",
                hint="Fetch it from a remote: `mw-dvc fetch`.",
            ) from None

    def put_bytes(self, content: bytes, md5: str, kind: str) -> None:
        """Keep an object given as bytes."""
        path = self.ready(md5, kind)
        if not os.path.exists(path):
            linking.write_file(path, content, linking.READ_ONLY)

    def put_file(self, source: str, md5: str, kind: str, kinds: tuple[str, ...]) -> str:
        """Keep a file's bytes by the first kind of link that works; says which."""
        path = self.ready(md5, kind)
        used = linking.place(source, path, kinds)
        os.chmod(path, linking.READ_ONLY)
        return used

    def ready(self, md5: str, kind: str) -> str:
        """Where an object will be, its folder made."""
        path = self.path(md5, kind)
        folder = path[: path.rindex("/")]
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)
        return path


def names_below(top: str) -> Iterator[str]:
    """The objects in a folder of two-letter folders."""
    for first in _HEX:
        for second in _HEX:
            prefix = first + second
            try:
                rest = os.listdir(f"{top}{prefix}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            for name in rest:
                if is_digest(prefix + name):
                    yield prefix + name


def with_contents(cache: ObjectCache, md5: str, kind: str) -> set[str]:
    """An object's name and, for a folder whose list is here, the names of its files."""
    names = {md5}
    if md5.endswith(SUFFIX) and cache.has(md5, kind):
        names.update(entry.md5 for entry in cache.entries(md5, kind))
    return names
