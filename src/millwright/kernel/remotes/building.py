"""Packs written in one go, for sending and from what was received."""

from __future__ import annotations

import os
from pathlib import Path

from blake3 import blake3

from millwright.kernel.objects.pack_format import (
    HEADER,
    LARGEST_PACK,
    MAGIC,
    Entry,
    footer,
    footer_size,
)
from millwright.kernel.remotes.catalogue_format import SentPack

_BUFFER = 1 << 20


class PackBuilder:
    """One pack in a file; its records are appended, then ``finish`` seals it."""

    def __init__(self, folder: Path) -> None:
        self.name = os.urandom(16).hex()
        self.path = folder / f"{self.name}.pack"
        self._file = self.path.open("xb", buffering=0)
        self._buffer = bytearray(MAGIC)
        self._digest = blake3()
        self._size = len(MAGIC)
        self._entries: list[Entry] = []

    @property
    def empty(self) -> bool:
        """Whether nothing was appended yet."""
        return not self._entries

    def fits(self, size: int) -> bool:
        """Whether a record with so many stored bytes may be added."""
        needed = HEADER.size + size + footer_size(len(self._entries) + 1)
        return self.empty or self._size + needed <= LARGEST_PACK

    def append(
        self, digest: bytes, payload: bytes | memoryview, size: int, kind: int, codec: int
    ) -> None:
        """Add a record whose payload is encoded already and decodes to ``size`` bytes."""
        stored = len(payload)
        self._buffer += HEADER.pack(digest, stored, size, kind, codec, 0)
        self._buffer += payload
        self._entries.append(Entry(digest, self._size + HEADER.size, stored, size, kind, codec))
        self._size += HEADER.size + stored
        if len(self._buffer) >= _BUFFER:
            self._write()

    def finish(self) -> SentPack:
        """Seal the pack and close the file. It is not flushed to the disk: the receiver does."""
        self._buffer += footer(self._entries, self._size)
        self._write()
        self._file.close()
        size = self.path.stat().st_size
        return SentPack(self.name, size, self._digest.digest(), tuple(self._entries))

    def drop(self) -> None:
        """Give the pack up."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        self._digest.update(self._buffer)
        with memoryview(self._buffer) as view:
            written = 0
            while written < len(view):
                written += self._file.write(view[written:]) or 0
        self._buffer.clear()
