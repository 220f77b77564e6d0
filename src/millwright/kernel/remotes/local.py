"""What sending and receiving ask of the local object store."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from millwright.kernel.objects.index import Location
from millwright.kernel.objects.recipe import Recipe


class LocalChunks(Protocol):
    """One project's chunks on this machine."""

    def locate(self, ids: Iterable[bytes]) -> dict[bytes, Location]:
        """Where chunks are, those that are known."""

    def recipes(self, ids: Iterable[bytes]) -> dict[bytes, Recipe]:
        """The chunks of objects, those that are known."""

    def read_chunk_raw(self, location: Location) -> bytes:
        """A chunk's bytes as they are written, unverified; ``OSError`` where they are gone."""

    def adopt_pack(self, path: Path) -> None:
        """Take a pack as one's own: moved, flushed, entered in the index with its recipes."""

    def adopt_recipes(self, recipes: Iterable[tuple[bytes, Recipe]]) -> None:
        """Enter objects whose chunks are here or on a remote."""
