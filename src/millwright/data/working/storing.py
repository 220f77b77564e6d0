"""Storing what a folder has that is new or changed: the bytes of each path, as they are now.

A path is stored when its bytes were read while its signature stayed what it was; what changes
meanwhile is read again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_IFMT, S_IFREG

from millwright.data.trees import EMPTY_FOLDER, Entry, Kind, check_paths, check_target
from millwright.data.working.place import Place
from millwright.data.working.scanning import (
    SIGNATURE,
    Found,
    kind_of,
    look_at,
    settle,
)
from millwright.kernel.errors import Conflict, InvalidInput

Progress = Callable[[int, int], None]
"""Told how many files of how many are done."""
Stored = dict[str, tuple[bytes, Entry]]
"""Signature and entry by path."""

_AT_ONCE = 100_000
"""The index of what is stored already is written again as it grows: fewer, larger parts cost less."""
_BYTES_AT_ONCE = 256 << 20
_ATTEMPTS = 3
_FILE, _EXECUTABLE = int(Kind.FILE), int(Kind.EXECUTABLE)
_OWNER_EXECUTES = 0o100


class Storing:
    """The paths of one folder on their way into the store.

    What has to be read again gets its new signature in ``found``, and what is gone by then leaves it.
    ``earlier`` has digests of earlier versions by absolute path, which saves time.
    """

    def __init__(
        self, place: Place, base: Path, found: Found, earlier: dict[str, str], *, follow: bool
    ) -> None:
        self._objects = place.objects
        self._base, self._found, self._earlier = base, found, earlier
        self._follow = follow
        self._done: Stored = {}

    def parts(self, paths: list[str], on_progress: Progress | None) -> Iterator[Stored]:
        """Store paths, some thousand at a time; each part is durable when it is given.

        Raises:
            InvalidInput: one cannot be part of a dataset.
            Conflict: one changed again and again while it was read.
        """
        wanted = paths
        for attempt in range(_ATTEMPTS):
            settle(self._found[path] for path in wanted)
            again = []
            count = 0
            for part in _parts(wanted, self._found):
                again += self._store(part, last=attempt == _ATTEMPTS - 1)
                done, self._done = self._done, {}
                yield done
                count += len(part)
                if on_progress is not None:
                    on_progress(count, len(wanted))
            wanted = again
            if not wanted:
                return

    def _store(self, paths: list[str], *, last: bool) -> list[str]:
        """Store some paths; those that changed meanwhile are returned, with their new signature."""
        check_paths(paths)
        files = paths
        if any(S_IFMT(row[4]) != S_IFREG for row in _unpacked(paths, self._found)):
            files = self._without_others(paths)
        return self._link(files, last=last) if files else []

    def _without_others(self, paths: list[str]) -> list[str]:
        """Store links and empty folders; the files are returned."""
        files: list[str] = []
        links: list[str] = []
        for path in paths:
            sign = self._found[path]
            kind = kind_of(sign)
            if kind is None:
                raise InvalidInput(
                    "data.special_file",
                    f"'{path}' is neither a file, a link nor a folder.",
                    hint="Remove it, or leave it out with a line in .mwignore.",
                    value=path,
                )
            if kind == Kind.FOLDER:
                self._done[path] = (sign, EMPTY_FOLDER)
            else:
                (links if kind == Kind.LINK else files).append(path)
        targets = [check_target(path, str((self._base / path).readlink())) for path in links]
        texts = [target.encode() for target in targets]
        digests = self._objects.put_many(texts) if texts else []
        for path, text, digest in zip(links, texts, digests, strict=True):
            entry = Entry(Kind.LINK, len(text), bytes.fromhex(digest))
            self._done[path] = (self._found[path], entry)
        return files

    def _link(self, files: list[str], *, last: bool) -> list[str]:
        base, done, found, pack = str(self._base), self._done, self._found, SIGNATURE.pack
        names = [f"{base}/{path}" for path in files]
        if self._follow:
            names = [os.path.realpath(name) for name in names]
        try:
            stored = self._objects.link_files(names, earlier=self._earlier)
        except (Conflict, FileNotFoundError) as cause:
            if last:
                raise keeps_changing(files[0] if len(files) == 1 else str(cause)) from cause
            return self._looked_again(files)
        again = []
        rows = zip(files, names, _unpacked(files, found), stored, strict=True)
        for path, name, (modified, _, size, inode, _), (digest, kept) in rows:
            now = kept or _state_at(name)
            if now is None or (now[0], now[2], now[3]) != (modified, size, inode):
                again.append(path)
                continue
            kind = _EXECUTABLE if now[4] & _OWNER_EXECUTES else _FILE
            # One copy of the signature: there may be a million.
            sign = found[path] = pack(*now)
            done[path] = (sign, Entry(kind, size, digest))
        if again and last:
            raise keeps_changing(again[0])
        return self._looked_again(again)

    def _looked_again(self, paths: list[str]) -> list[str]:
        still = []
        for path in paths:
            now = look_at(self._base / path, follow=self._follow)
            if now is None:
                del self._found[path]
            else:
                self._found[path] = now
                still.append(path)
        return still


def _parts(paths: list[str], found: Found) -> Iterator[list[str]]:
    """Paths in order, so many at a time as are stored, and told of, together."""
    start = size = 0
    for place, row in enumerate(_unpacked(paths, found), start=1):
        size += row[2]
        if place - start == _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield paths[start:place]
            start, size = place, 0
    if start < len(paths):
        yield paths[start:]


def _unpacked(paths: list[str], found: Found) -> Iterator[tuple[int, int, int, int, int]]:
    """Modification and change time, size, inode and mode of paths."""
    return SIGNATURE.iter_unpack(b"".join([found[path] for path in paths]))


def _state_at(name: str) -> tuple[int, int, int, int, int] | None:
    sign = look_at(name)
    return None if sign is None else SIGNATURE.unpack(sign)


def keeps_changing(path: str) -> Conflict:
    """The error of a file that something writes to while it is read."""
    return Conflict(
        "data.changing",
        f"A file is changing while it is being added: {path}",
        hint="Add it again when nothing writes to it.",
        value=path,
    )
