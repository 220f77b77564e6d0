"""Taking DVC's objects into the object store: linked where they lie, verified, never copied.

Objects come from the repository's cache; those it lacks, from a remote, into a folder beside the
store, from where they are linked as well.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from millwright.data.dvc import remotes
from millwright.data.dvc.correspondence import Correspondence, Known
from millwright.data.dvc.dir_objects import Entry, is_dir, parse
from millwright.data.dvc.files import Output
from millwright.data.dvc.hashing import BLOCK
from millwright.data.dvc.object_cache import ObjectCache
from millwright.kernel.errors import Corrupt, MillwrightError
from millwright.kernel.objects import ProjectObjects

_AT_ONCE = 2_000
_BYTES_AT_ONCE = 512 * 1024 * 1024
"""What is verified before it is linked: little enough to be still in memory when it is read again."""

Progress = Callable[[int, int], None]


class Taker:
    """Takes objects of a repository into a project's store, each once."""

    def __init__(
        self,
        objects: ProjectObjects,
        known: Correspondence,
        cache: ObjectCache,
        remote: remotes.Place | None,
        fetched: Path,
    ) -> None:
        self._objects = objects
        self._known = known
        self._cache = cache
        self._remote = remote
        self._fetched = ObjectCache(str(fetched))
        self.linked = 0
        self.linked_bytes = 0
        self.fetched = 0

    def close(self) -> None:
        """Remove what was fetched and is linked by now."""
        shutil.rmtree(self._fetched.folder, ignore_errors=True)

    def entries(self, out: Output) -> list[Entry] | None:
        """What an output holds (one entry with an empty path for a file); None if it is nowhere."""
        assert out.md5 is not None
        if not is_dir(out.md5):
            return [Entry("", out.md5)]
        path = self._found(out.md5, out.hash)
        if path is None:
            return None
        with open(path, "rb") as file:
            content = file.read()
        check = remotes.Check(out.md5, out.hash)
        check.update(content)
        check.verify()
        return parse(content, f"The object {out.md5}")

    def _found(self, md5: str, kind: str) -> str | None:
        for held in (self._cache, self._fetched):
            if held.has(md5, kind):
                return held.path(md5, kind)
        if self._remote is None:
            return None
        remotes.fetch_files(self._remote, self._fetched, {md5}, kind)
        return self._fetched.path(md5, kind) if self._fetched.has(md5, kind) else None

    def take(
        self, md5s: Iterable[str], kind: str, on_progress: Progress | None = None
    ) -> tuple[dict[str, Known], dict[str, str]]:
        """Objects by MD5 as they are here, and those that cannot be had with the reason."""
        wanted = list(dict.fromkeys(md5s))
        have = self._known.of_md5s(wanted, kind)
        here = self._objects.has_many({one.digest for one in have.values()})
        have = {md5: one for md5, one in have.items() if one.digest in here}
        missing = [md5 for md5 in wanted if md5 not in have]
        lost: dict[str, str] = {}
        if self._remote is not None:
            absent = self._fetched.missing(self._cache.missing(missing, kind), kind)
            done, _ = remotes.fetch_files(self._remote, self._fetched, absent, kind)
            self.fetched += done
        batch: list[tuple[str, str, int]] = []
        size = 0
        for number, md5 in enumerate(missing):
            path = next(
                (c.path(md5, kind) for c in (self._cache, self._fetched) if c.has(md5, kind)), None
            )
            if path is not None and os.path.islink(path):
                # Linking would write-protect whatever it points to.
                lost[md5] = "a symbolic link in the cache instead of a file"
                continue
            if path is None:
                lost[md5] = "not in the cache" + (" nor on the remote" if self._remote else "")
                continue
            batch.append((md5, path, os.stat(path).st_size))
            size += batch[-1][2]
            if len(batch) == _AT_ONCE or size >= _BYTES_AT_ONCE:
                have |= self._link(batch, kind, lost)
                batch, size = [], 0
                if on_progress is not None:
                    on_progress(number + 1, len(missing))
        have |= self._link(batch, kind, lost)
        return have, lost

    def _link(
        self, batch: list[tuple[str, str, int]], kind: str, lost: dict[str, str]
    ) -> dict[str, Known]:
        good = []
        for md5, path, size in batch:
            try:
                verify(path, md5, kind)
                good.append((md5, path, size))
            except MillwrightError as error:
                lost[md5] = f"damaged in the cache: {error.message}"
        if not good:
            return {}
        digests = self._objects.link_many([path for _, path, _ in good], shared=True)
        found = {
            md5: Known(digest, size) for (md5, _, size), digest in zip(good, digests, strict=True)
        }
        self._known.add(kind, found.items())
        self.linked += len(found)
        self.linked_bytes += sum(one.size for one in found.values())
        return found


def verify(path: str, md5: str, kind: str) -> None:
    """Read a file and compare it with its name.

    Raises:
        Corrupt: it holds something else.
    """
    check = remotes.Check(md5, kind)
    try:
        with open(path, "rb", buffering=0) as file:
            while block := file.read(BLOCK):
                check.update(block)
    except OSError as error:
        raise Corrupt("dvc.corrupt_object", f"{path} cannot be read: {error.strerror}.") from error
    check.verify()
