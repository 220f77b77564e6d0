"""DVC remotes: a folder, or an object store (S3, Google, Azure, HTTP) through obstore.

Objects lie under the same keys as in a cache, so Millwright and DVC use one remote side by side.
What is fetched is hashed before it gets its name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from millwright.data.dvc import linking
from millwright.data.dvc.config import Remote
from millwright.data.dvc.dir_objects import SUFFIX, is_digest
from millwright.data.dvc.files import LEGACY
from millwright.data.dvc.hashing import BLOCK, without_carriage_returns
from millwright.data.dvc.object_cache import ObjectCache, key_of, names_below, prefix_of
from millwright.kernel.errors import Corrupt, InvalidInput


class Place(Protocol):
    """Where objects of a remote lie."""

    def names(self, kind: str) -> set[str]:
        """All objects of a format."""

    def have(self, wanted: set[str], kind: str) -> set[str]:
        """Those of the wanted objects that are there."""

    def upload(self, source: str, md5: str, kind: str) -> None:
        """Keep a file's bytes under an object's name."""

    def download(self, md5: str, kind: str, target: str) -> None:
        """Write an object to a file that does not exist; FileNotFoundError where it is not there."""

    def delete(self, names: Iterable[str], kind: str) -> None:
        """Forget objects."""


def place_of(remote: Remote) -> Place:
    """The place a remote's address names.

    Raises:
        InvalidInput: the address is of a kind that only DVC itself can reach.
    """
    scheme = remote.url.partition("://")[0] if "://" in remote.url else ""
    if not scheme:
        return Folder(remote.url)
    if remote.options.get("version_aware") == "true" or remote.options.get("worktree") == "true":
        raise InvalidInput(
            "dvc.remote_kind",
            f"The remote {remote.name!r} relies on the store's own versions.",
            hint="Pull with DVC (`dvc pull`), then use the cache.",
        )
    if scheme in ("s3", "gs", "gcs", "azure", "az", "http", "https"):
        from millwright.data.dvc.object_stores import Bucket

        return Bucket(remote)
    raise InvalidInput(
        "dvc.remote_kind",
        f"The remote {remote.name!r} is at {scheme}://, which only DVC itself can reach.",
        hint="Fetch with DVC (`dvc fetch --all-commits`), then everything is in the cache.",
        value=scheme,
    )


class Folder:
    """A remote in a folder of this machine (or mounted on it)."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._made: set[str] = set()

    def _path(self, md5: str, kind: str) -> str:
        return f"{self._folder}/{key_of(md5, kind)}"

    def names(self, kind: str) -> set[str]:
        """All objects of a format."""
        return set(names_below(f"{self._folder}/{prefix_of(kind)}"))

    def have(self, wanted: set[str], kind: str) -> set[str]:
        """Those of the wanted objects that are there."""
        if len(wanted) > 200:
            return wanted & self.names(kind)
        return {md5 for md5 in wanted if os.path.exists(self._path(md5, kind))}

    def upload(self, source: str, md5: str, kind: str) -> None:
        """Keep a file's bytes under an object's name."""
        path = self._path(md5, kind)
        folder = path[: path.rindex("/")]
        if folder not in self._made:
            os.makedirs(folder, exist_ok=True)
            self._made.add(folder)
        linking.place(source, path, ("reflink", "copy"))

    def download(self, md5: str, kind: str, target: str) -> None:
        """Write an object to a file that does not exist."""
        _copy_checked(self._path(md5, kind), target, md5, kind)

    def delete(self, names: Iterable[str], kind: str) -> None:
        """Forget objects."""
        for name in names:
            os.unlink(self._path(name, kind))


def _copy_checked(source: str, target: str, md5: str, kind: str) -> None:
    reading = os.open(source, os.O_RDONLY)
    try:
        size = os.fstat(reading).st_size
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            check = Check(md5, kind)
            while block := os.read(reading, min(BLOCK, size + 1)):
                check.update(block)
                linking.write_all(writing, block)
            check.verify()
        finally:
            os.close(writing)
    finally:
        os.close(reading)


class Check:
    """Takes an object's bytes and says whether they are what its name says."""

    def __init__(self, md5: str, kind: str) -> None:
        self._name, self._legacy = md5, kind == LEGACY
        self._digest = hashlib.md5(usedforsecurity=False)
        self._as_text = hashlib.md5(usedforsecurity=False) if self._legacy else None
        self._pending = b""

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        self._digest.update(block)
        if self._as_text is not None:
            self._pending += block
            while len(self._pending) >= BLOCK:
                self._as_text.update(without_carriage_returns(self._pending[:BLOCK]))
                self._pending = self._pending[BLOCK:]

    def verify(self) -> None:
        """Raise Corrupt unless the bytes taken are the object's."""
        wanted = self._name.removesuffix(SUFFIX)
        found = self._digest.hexdigest()
        if found != wanted and self._as_text is not None:
            self._as_text.update(without_carriage_returns(self._pending))
            found = self._as_text.hexdigest()
        if found != wanted:
            raise Corrupt(
                "dvc.corrupt_object",
                f"The object {self._name} holds other bytes than its name says.",
                hint="Delete it there and push it again from a machine that has it.",
                value=self._name,
            )


Wanted = dict[str, set[str]]
"""Objects by format (hash name)."""


def fetch(place: Place, cache: ObjectCache, wanted: Wanted) -> tuple[int, set[str]]:
    """Bring objects, and what folders among them hold, into a cache; (how many, which are nowhere).

    Folder lists come first, since they name the rest.
    """
    count, nowhere = 0, set[str]()
    for kind, names in wanted.items():
        lists = {name for name in names if name.endswith(SUFFIX)}
        done, lost = fetch_files(place, cache, lists, kind)
        count, nowhere = count + done, nowhere | lost
        files = names - lists
        for name in lists - lost:
            files |= {entry.md5 for entry in cache.entries(name, kind)}
        done, lost = fetch_files(place, cache, files, kind)
        count, nowhere = count + done, nowhere | lost
    return count, nowhere


def fetch_files(
    place: Place, cache: ObjectCache, names: set[str], kind: str
) -> tuple[int, set[str]]:
    """Bring these objects, and nothing they name, into a cache; (how many, which are nowhere)."""
    missing = cache.missing(names, kind)
    nowhere: set[str] = set()

    def one(name: str) -> None:
        path = cache.ready(name, kind)
        temporary = linking.temporary_name(path)
        try:
            place.download(name, kind, temporary)
            os.chmod(temporary, linking.READ_ONLY)
            os.replace(temporary, path)
        except FileNotFoundError:
            nowhere.add(name)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    _each(place, one, sorted(missing))
    return len(missing) - len(nowhere), nowhere


def push(place: Place, cache: ObjectCache, wanted: Wanted) -> tuple[int, set[str]]:
    """Send objects, and what folders among them hold, to a remote; (how many, which are not here).

    A folder's list is sent after its files, so a list on a remote means that its files are there.
    """
    count, nowhere = 0, set[str]()
    for kind, names in wanted.items():
        lists = {name for name in names if name.endswith(SUFFIX)}
        files = names - lists
        unknown = {name for name in lists if not cache.has(name, kind)}
        for name in lists - unknown:
            files |= {entry.md5 for entry in cache.entries(name, kind)}
        there = place.have(files | lists, kind)
        missing = files - there
        absent = cache.missing(missing, kind)
        ready = missing - absent
        whole = lists - there - unknown
        if absent:
            whole = {n for n in whole if not absent & {e.md5 for e in cache.entries(n, kind)}}

        def one(name: str, kind: str = kind) -> None:
            place.upload(cache.path(name, kind), name, kind)

        _each(place, one, sorted(ready))
        _each(place, one, sorted(whole))
        count += len(ready) + len(whole)
        nowhere |= absent | (unknown - there)
    return count, nowhere


def _each(place: Place, action: Any, names: list[str]) -> None:
    # Many requests wait for a network at once; a folder on this machine only loses by threads.
    if isinstance(place, Folder) or len(names) < 4:
        for name in names:
            action(name)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(action, name) for name in names]:
            done.result()


def digests_only(keys: Iterator[str]) -> Iterator[str]:
    """The object names among keys such as ``ab/cdef…``."""
    for key in keys:
        head, _, rest = key.rpartition("/")
        name = head.rpartition("/")[2] + rest
        if is_digest(name):
            yield name
