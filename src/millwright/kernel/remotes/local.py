"""What sending and receiving ask of the local object store; ``ProjectObjects`` answers it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from millwright.kernel.objects import Location, Recipe


class LocalChunks(Protocol):
    """One project's chunks on this machine."""

    def locate(self, chunk_ids: Iterable[bytes]) -> dict[bytes, Location]:
        """Where chunks are, those that are known."""

    def several(self, object_ids: Iterable[bytes]) -> set[bytes]:
        """Those of these objects that consist of several chunks."""

    def recipes(self, object_ids: Iterable[bytes]) -> dict[bytes, Recipe]:
        """The chunks of objects that have several, those that are known."""

    def opened(self, encoded: bytes) -> Recipe:
        """A recipe that came from elsewhere, whose pages are chunks of this project."""

    def read_located(self, location: Location) -> bytes:
        """A chunk's bytes as they are written, unverified; ``OSError`` where they are gone."""

    def name_of(self, location: Location) -> str:
        """The path of the file that a chunk's bytes are in."""

    def adopt_pack(self, path: Path) -> list[bytes]:
        """Take a pack as one's own: verified, moved, entered in the index with its recipes."""
