"""What a manifest says of one path."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import NamedTuple

NO_BYTES = bytes(32)
"""The digest of what has no bytes: an empty folder."""


class Kind(IntEnum):
    """What is at a path; the values are those of the format."""

    FILE = 0
    EXECUTABLE = 1
    LINK = 2
    """A symbolic link; the object is the text of its target."""
    FOLDER = 3
    """A folder without anything in it. Other folders follow from the paths below them."""
    ERASED = 4
    """Bytes that were erased; the object is the ``Tombstone`` as JSON."""


class Entry(NamedTuple):
    """One path's content: kind, size in bytes, and BLAKE3 digest of the object (32 bytes).

    Entries of equal content compare and hash equal.
    """

    kind: int
    size: int
    digest: bytes

    @property
    def hex(self) -> str:
        """The digest as objects are named."""
        return self.digest.hex()


EMPTY_FOLDER = Entry(Kind.FOLDER, 0, NO_BYTES)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Why the bytes of a path are gone, kept in their place.

    The digest of what was erased is not kept: of a short text it would give the text away.
    """

    erased_at: str
    """RFC 3339, UTC."""
    reason: str
    erased_by: str
    size: int
    """Bytes that were erased."""

    def to_bytes(self) -> bytes:
        """The object that an erased entry names."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Tombstone:
        """The inverse of ``to_bytes``."""
        return cls(**json.loads(content))


def is_file(entry: Entry) -> bool:
    """Whether the entry has a file's bytes."""
    return entry.kind in (Kind.FILE, Kind.EXECUTABLE)
