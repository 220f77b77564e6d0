"""What one project's store is made of, as its verbs (add, read, restore, repair) are given it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel.objects.index import Index
from millwright.kernel.objects.linked import LinkShelf
from millwright.kernel.objects.packs import PackShelf
from millwright.kernel.objects.reading import ChunkReader, Fetch, missing
from millwright.kernel.objects.recipe import Recipe

FRESH_SECONDS = 600
"""Objects met again are dated anew only when their date is older than this; garbage collection
must therefore grant more grace."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The folder, the index and the shelves of one project."""

    root: Path
    index: Index
    packs: PackShelf
    links: LinkShelf
    reader: ChunkReader
    place: Callable[[int], Path]

    @classmethod
    def of(
        cls, root: Path, index: Index, packs: PackShelf, links: LinkShelf, fetch: Fetch
    ) -> Parts:
        """The parts, with a reader that knows where sources are."""

        def place(source: int) -> Path:
            return links.path(-source) if source < 0 else packs.of_row(source)

        return cls(root, index, packs, links, ChunkReader(index, place, fetch), place)

    def close(self) -> None:
        """Release files and the index; the next use opens them again."""
        self.reader.forget_files()
        self.packs.close()
        self.index.close()

    def recipe(self, object_id: bytes) -> Recipe:
        """The object's chunks.

        Raises:
            NotFound: there is no such object.
        """
        found = self.index.recipe(object_id)
        if found is None:
            # Somebody else may know it: whoever fetches adds the recipe too.
            self.reader.locate([object_id])
            found = self.index.recipe(object_id)
        if found is None:
            raise missing(object_id.hex())
        return found

    def whole(self, object_ids: list[bytes]) -> set[bytes]:
        """Those of these objects whose bytes are all here."""
        here = self.index.present(object_ids)
        for object_id in object_ids:
            if object_id not in here:
                recipe = self.index.recipe(object_id)
                if recipe is not None:
                    chunks = {chunk for chunk, _ in recipe.chunks}
                    if len(self.index.present(chunks)) == len(chunks):
                        here.add(object_id)
        return here

    def touch(self, object_ids: list[bytes]) -> None:
        """Date objects that were added again, so that garbage collection takes them for new."""
        now = int(time.time())
        old = [
            object_id
            for object_id in object_ids
            if self.index.rows(
                "SELECT 1 FROM chunks WHERE id = ?1 AND added < ?2"
                " UNION SELECT 1 FROM objects WHERE id = ?1 AND added < ?2",
                (object_id, now - FRESH_SECONDS),
            )
        ]
        if not old:
            return
        with self.index.write() as connection:
            for table in ("chunks", "objects"):
                connection.executemany(
                    f"UPDATE {table} SET added = ? WHERE id = ?",  # noqa: S608
                    [(now, object_id) for object_id in old],
                )
