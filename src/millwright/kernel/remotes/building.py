"""Packs written in one go, for sending and from what was received."""

from __future__ import annotations

import os
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import disk_full
from millwright.kernel.objects.pack_format import (
    ENTRY,
    HEADER,
    LARGEST_PACK,
    MAGIC,
    footer_size,
    sealed,
)
from millwright.kernel.remotes.catalogue_format import SentPack

_BUFFER = 1 << 20


class PackBuilder:
    """One pack in a file of at most ``most`` bytes: ``append`` while it fits, then ``finish``."""

    def __init__(self, folder: Path, most: int = LARGEST_PACK) -> None:
        self._most = most
        self.name = os.urandom(16).hex()
        self.path = folder / f"{self.name}.pack"
        self._file = self.path.open("xb", buffering=0)
        self._pieces: list[bytes | memoryview] = [MAGIC]
        self._waiting = self._size = len(MAGIC)
        self._digest = blake3()
        self._entries: list[bytes] = []

    @property
    def empty(self) -> bool:
        """Whether nothing was appended yet."""
        return not self._entries

    def append(
        self, digest: bytes, payload: bytes | memoryview, size: int, kind: int, codec: int
    ) -> bool:
        """Add a record whose payload is encoded already and decodes to ``size`` bytes.

        False where it does not fit, which the first always does.
        """
        stored, entries = len(payload), self._entries
        if (
            entries
            and self._size + HEADER.size + stored + footer_size(len(entries) + 1) > self._most
        ):
            return False
        self._pieces += (HEADER.pack(digest, stored, size, kind, codec, 0), payload)
        place = self._size + HEADER.size
        entries.append(ENTRY.pack(digest, place, stored, size, kind, codec, 0))
        self._size = place + stored
        self._waiting += HEADER.size + stored
        if self._waiting >= _BUFFER:
            self._write()
        return True

    def finish(self) -> SentPack:
        """Seal the pack and close the file. It is not flushed to the disk: the receiver does."""
        index = b"".join(self._entries)
        self._pieces.append(sealed(index, self._size))
        self._write()
        self._file.close()
        size = self.path.stat().st_size
        return SentPack(self.name, size, self._digest.digest(), index)

    def drop(self) -> None:
        """Give the pack up."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        content = memoryview(b"".join(self._pieces))
        self._pieces.clear()
        self._waiting = 0
        self._digest.update(content)
        try:
            while content:
                content = content[self._file.write(content) or 0 :]
        except OSError as cause:
            raise disk_full(cause, str(self.path.parent)) or cause from cause
