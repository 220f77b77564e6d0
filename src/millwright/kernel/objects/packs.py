"""Writing packs: appended to by one writer at a time, flushed before anything refers to them."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel.errors import disk_full
from millwright.kernel.objects.codec import Encoder
from millwright.kernel.objects.filesystem import sync_folder
from millwright.kernel.objects.index import Index
from millwright.kernel.objects.pack_format import (
    HEADER,
    LARGEST_PACK,
    MAGIC,
    Entry,
    Kind,
    footer,
    footer_size,
    headers,
    mapped,
)

_IDLE = 4
_ROOM = LARGEST_PACK * 3 // 4
"""A pack that is fuller is not appended to again."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack of the project. One that is not sealed may still be appended to."""

    id: int
    name: str
    path: Path
    size: int
    sealed: bool


class OpenPack:
    """A pack that this process alone appends to (a file lock, freed when the process dies)."""

    def __init__(self, row: int, path: Path, handle: int, size: int) -> None:
        self.id = row
        self.path = path
        self.size = size
        self.sealed = False
        self._handle = handle
        self._encoder = Encoder()
        self._committed = size
        self._entries: list[Entry] | None = None if size > len(MAGIC) else []

    def fits(self, size: int) -> bool:
        """Whether a record of so many bytes may be added."""
        needed = HEADER.size + size + footer_size(len(self._listed()) + 1)
        return self.size + needed <= LARGEST_PACK or not self._listed()

    def append(self, digest: bytes, content: bytes | memoryview, kind: Kind = Kind.CHUNK) -> Entry:
        """Write a record; it is durable after ``flush``."""
        codec, payload = self._encoder.encode(content)
        head = HEADER.pack(digest, len(payload), len(content), kind, codec, 0)
        entry = Entry(digest, self.size + len(head), len(payload), len(content), kind, codec)
        self._write([head, payload])
        self._listed().append(entry)
        return entry

    def flush(self) -> None:
        """Make durable what was appended."""
        os.fdatasync(self._handle)

    def commit(self) -> None:
        """The index refers to what was appended."""
        self._committed = self.size

    def rewind(self) -> None:
        """Take back what no index refers to."""
        if self.size != self._committed:
            os.ftruncate(self._handle, self._committed)
            os.lseek(self._handle, self._committed, os.SEEK_SET)
            self._entries = [entry for entry in self._listed() if entry.offset < self._committed]
            self.size = self._committed

    def seal(self) -> None:
        """Write the footer; nothing is appended afterwards."""
        self._write([footer(self._listed(), self.size)])
        os.fdatasync(self._handle)
        self._committed = self.size
        self.sealed = True

    def close(self) -> None:
        """Let another writer have it."""
        os.close(self._handle)

    def _listed(self) -> list[Entry]:
        if self._entries is None:
            with mapped(self._handle) as content:
                self._entries = list(headers(content, self.size))
        return self._entries

    def _write(self, buffers: list[bytes | memoryview]) -> None:
        wanted = sum(map(len, buffers))
        written = os.writev(self._handle, buffers)
        if written != wanted:
            rest = b"".join(buffers)[written:]
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        self.size += wanted


class PackShelf:
    """The packs of one project, and the open ones that this process appends to."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.folder = folder
        self._index = index
        self._lock = threading.Lock()
        self._idle: list[OpenPack] = []
        self._process = os.getpid()

    def path(self, name: str) -> Path:
        """Where a pack is."""
        return self.folder / f"{name}.pack"

    def all(self) -> list[Pack]:
        """The packs that the index knows."""
        rows = self._index.rows("SELECT id, name, size, sealed FROM packs ORDER BY id")
        return [
            Pack(row, name, self.path(name), size, bool(sealed)) for row, name, size, sealed in rows
        ]

    def of_row(self, row: int) -> Path:
        """Where the pack of an index row is.

        Raises:
            FileNotFoundError: the row is gone.
        """
        rows = self._index.rows("SELECT name FROM packs WHERE id = ?", (row,))
        if not rows:
            raise FileNotFoundError(row)
        return self.path(rows[0][0])

    @contextmanager
    def removing(self, pack: Pack) -> Iterator[int | None]:
        """Hold a pack so that nobody appends to it; its size now, or None if somebody does."""
        with self._lock:
            mine = [opened for opened in self._idle if opened.id == pack.id]
            self._idle = [opened for opened in self._idle if opened.id != pack.id]
        for opened in mine:
            opened.close()
        handle = _locked(pack.path)
        try:
            # Whoever appended to it until now committed more than was known of it before.
            rows = self._index.rows("SELECT size FROM packs WHERE id = ?", (pack.id,))
            yield rows[0][0] if handle is not None and rows else None
        finally:
            if handle is not None:
                os.close(handle)

    def seal_idle(self) -> None:
        """Seal what nobody else appends to and holds anything."""
        self.close()
        for pack in self.all():
            if not pack.sealed and pack.size > len(MAGIC):
                opened = self._held(pack)
                if opened is not None:
                    self._seal(opened)

    def _seal(self, pack: OpenPack) -> None:
        try:
            pack.seal()
            with self._index.write() as connection:
                connection.execute(
                    "UPDATE packs SET size = ?, sealed = 1 WHERE id = ?", (pack.size, pack.id)
                )
        finally:
            pack.close()

    @contextmanager
    def writing(self) -> Iterator[OpenPack]:
        """A pack to append to. Left with an error, it is as it was before.

        Raises:
            Unavailable: the disk is full; nothing was lost.
        """
        pack: OpenPack | None = None
        try:
            pack = self._take()
            yield pack
        except BaseException as cause:
            if pack is not None and not pack.sealed:
                pack.rewind()
            if isinstance(cause, OSError):
                raise disk_full(cause, str(self.folder)) or cause from cause
            raise
        finally:
            if pack is not None:
                self._give_back(pack)

    def close(self) -> None:
        """Close the open packs; they stay open for others to append to."""
        with self._lock:
            for pack in self._idle:
                pack.close()
            self._idle.clear()

    def _take(self) -> OpenPack:
        with self._lock:
            if self._process != os.getpid():
                # A forked child shares its parent's locks, so it must not write to these.
                self._idle.clear()
                self._process = os.getpid()
            if self._idle:
                return self._idle.pop()
        return self._reopened() or self._created()

    def _give_back(self, pack: OpenPack) -> None:
        with self._lock:
            if not pack.sealed and len(self._idle) < _IDLE:
                self._idle.append(pack)
                return
        pack.close()

    def _reopened(self) -> OpenPack | None:
        for pack in self.all():
            if not pack.sealed and pack.size <= _ROOM:
                opened = self._held(pack)
                if opened is not None:
                    return opened
        return None

    def _held(self, pack: Pack) -> OpenPack | None:
        handle = _locked(pack.path)
        if handle is None:
            return None
        # Another process may have sealed or removed it before the lock was ours.
        rows = self._index.rows("SELECT size, sealed FROM packs WHERE id = ?", (pack.id,))
        state = os.fstat(handle)
        if not rows or rows[0][1] or not state.st_nlink or state.st_size < rows[0][0]:
            os.close(handle)
            return None
        size = rows[0][0]
        # What is beyond was never committed.
        os.ftruncate(handle, size)
        os.lseek(handle, size, os.SEEK_SET)
        return OpenPack(pack.id, pack.path, handle, size)

    def _created(self) -> OpenPack:
        name = os.urandom(16).hex()
        path = self.path(name)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            os.write(handle, MAGIC)
            sync_folder(self.folder)
            with self._index.write() as connection:
                row = connection.execute(
                    "INSERT INTO packs(name, size, sealed) VALUES(?, ?, 0)", (name, len(MAGIC))
                )
        except BaseException:
            os.close(handle)
            path.unlink(missing_ok=True)
            raise
        return OpenPack(int(row.lastrowid or 0), path, handle, len(MAGIC))


def _locked(path: Path) -> int | None:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
