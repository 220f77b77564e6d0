"""The one store of bytes: content-addressed, written once, verifiable.

An object's name is the BLAKE3 digest of its bytes. Bytes are written to a temporary name, flushed
to disk, then renamed, so an object either exists whole or not at all, whatever is killed when.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from millwright.kernel.errors import Corrupt, InvalidInput, NotFound, disk_full

_DIGEST = re.compile(r"^[0-9a-f]{64}$")
_BLOCK = 1 << 20


def digest_of(content: bytes) -> str:
    """The BLAKE3 digest of bytes, in hexadecimal.

    >>> digest_of(b"")[:16]
    'af1349b9f5f9a1a6'
    """
    return blake3(content).hexdigest()


def digest_of_file(path: Path) -> str:
    """The BLAKE3 digest of a file's bytes, read in blocks."""
    hasher = blake3()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return hasher.hexdigest()


class ObjectStore:
    """Objects in a local folder, ``ab/cdef…`` by digest.

    Safe for many writers at once, in one process or several: writing the same bytes twice ends in
    the same file. All methods raise ``Unavailable`` when the disk is full.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._temporary = root / "tmp"
        self._temporary.mkdir(parents=True, exist_ok=True)

    def put(self, content: bytes | BinaryIO | Path) -> str:
        """Store bytes, a stream or a file, and return the digest; durable on return."""
        if isinstance(content, Path):
            with content.open("rb") as file:
                return self._write(_blocks(file))
        if isinstance(content, bytes):
            known = digest_of(content)
            return known if self.has(known) else self._write(iter([content]))
        return self._write(_blocks(content))

    def path(self, digest: str) -> Path:
        """Where the object's bytes are. Only digests name objects; anything else is refused."""
        if not _DIGEST.fullmatch(digest):
            raise InvalidInput("objects.digest", "That is not an object digest.", value=digest)
        return self.root / digest[:2] / digest[2:]

    def has(self, digest: str) -> bool:
        """Whether the object is here."""
        return self.path(digest).exists()

    def size(self, digest: str) -> int:
        """The object's size in bytes."""
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            raise self._missing(digest) from None

    def open(self, digest: str) -> BinaryIO:
        """The object's bytes as a stream."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise self._missing(digest) from None

    def read(self, digest: str) -> bytes:
        """The object's bytes, verified against the digest."""
        with self.open(digest) as file:
            content = file.read()
        if digest_of(content) != digest:
            raise Corrupt(
                "objects.corrupt",
                f"Object {digest[:12]} no longer has the bytes that were written.",
                hint="Restore it from a backup; nothing that uses it can be trusted.",
                value=digest,
            )
        return content

    def _write(self, blocks: Iterator[bytes]) -> str:
        hasher = blake3()
        temporary: str | None = None
        try:
            handle, temporary = tempfile.mkstemp(dir=self._temporary)
            with os.fdopen(handle, "wb") as file:
                for block in blocks:
                    hasher.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            target = self.path(hasher.hexdigest())
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                _sync_folder(self.root)
            Path(temporary).replace(target)
            _sync_folder(target.parent)
        except OSError as cause:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise disk_full(cause, str(self.root)) or cause from cause
        return hasher.hexdigest()

    def _missing(self, digest: str) -> NotFound:
        return NotFound("objects.unknown", f"There is no object {digest[:12]}.", value=digest)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
