"""What one project's store is made of, as its verbs (add, read, restore, repair) are given it."""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects import wholes
from millwright.kernel.objects.appending import Appending, Vanished
from millwright.kernel.objects.index import (
    ELSEWHERE,
    Index,
    Location,
    ObjectRow,
    batches,
    marks,
)
from millwright.kernel.objects.link_shelf import LinkShelf
from millwright.kernel.objects.pack_format import HEADER, Entry, decoded, parse_recipe
from millwright.kernel.objects.packs import PackShelf
from millwright.kernel.objects.reading import ChunkReader, Fetch, damaged, missing
from millwright.kernel.objects.recipe import Listing, Recipe

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
        for attempt in range(2):
            several = self.recipes([object_id])
            if several:
                return several[object_id]
            single = self.index.locate([object_id]).get(object_id)
            if single is not None:
                return Recipe.of([(object_id, single.size)])
            if attempt == 0:
                # Somebody else may know it: whoever fetches it enters the recipe too.
                self.reader.fetch([object_id])
        raise missing(object_id.hex())

    def recipes(self, object_ids: Iterable[bytes]) -> dict[bytes, Recipe]:
        """The chunks of objects that have several, those that are known.

        Raises:
            Corrupt: the record that lists them is damaged.
        """
        found = {}
        for row in self.index.objects(object_ids):
            if row.recipe is not None:
                found[row.id] = self.opened(row.recipe)
            else:
                recipe = self._packed_recipe(row)
                if recipe is not None:
                    found[row.id] = recipe
        return found

    def _packed_recipe(self, row: ObjectRow) -> Recipe | None:
        start = row.offset - HEADER.size
        place = Location(row.id, row.source, start, HEADER.size + row.stored, row.size, 0)
        try:
            content = self.reader.raw(place)
            digest, stored, size, kind, codec, _ = HEADER.unpack_from(content)
            entry = Entry(digest, row.offset, stored, size, kind, codec)
            object_id, listed = parse_recipe(decoded(entry, content[HEADER.size :]))
        except (OSError, ValueError, struct.error) as cause:
            # Garbage collection may have moved or forgotten it since the row was read.
            again = self.index.objects([row.id])
            if not again:
                return None
            if (again[0].source, again[0].offset) != (row.source, row.offset):
                return self.recipes([row.id]).get(row.id)
            raise damaged(row.id.hex(), self.root / "packs") from cause
        if object_id != row.id:
            raise damaged(row.id.hex(), self.place(row.source))
        return self.opened(listed)

    def opened(self, encoded: bytes) -> Recipe:
        """A recipe whose pages are read from here; what is on a remote only is fetched."""
        return Recipe.decoded(encoded, self._page)

    def _page(self, page: bytes) -> bytes:
        return self.reader.chunk(self.reader.locate([page])[page])

    def listing(self) -> Listing:
        """A recipe in the making, whose pages are kept here."""
        return Listing(self._keep_pages, self._page)

    def _keep_pages(self, pages: list[bytes]) -> None:
        """Store pages; damaged ones that are here already are replaced."""
        by_id = {blake3(page).digest(): page for page in pages}
        here = self.index.locate(by_id)
        with Appending(self.packs, self.index) as out:
            for page, content in by_id.items():
                if page not in here or here[page].source == ELSEWHERE:
                    out.chunk(page, content)
        for page, place in here.items():
            if place.source != ELSEWHERE and not self._readable(page):
                with Appending(self.packs, self.index, moving=place.source) as out:
                    out.chunk(page, by_id[page])
        self.touch([page for page, place in here.items() if place.source != ELSEWHERE])

    def _readable(self, page: bytes) -> bool:
        try:
            return bool(self._page(page))
        except Corrupt:
            return False

    def whole(self, object_ids: list[bytes]) -> set[bytes]:
        """Those of these objects whose bytes are all here, and the lists of their chunks whole."""
        here = self.index.present(object_ids)
        rest = [object_id for object_id in object_ids if object_id not in here]
        for row in self.index.objects(rest):
            try:
                several = self.recipes([row.id])
                here.update(name for name, recipe in several.items() if self._all_here(recipe))
            except Corrupt:
                # Whoever adds the object again lists its chunks anew.
                continue
        return here

    def _all_here(self, recipe: Recipe) -> bool:
        pages = set(recipe.pages)
        if len(self.index.present(pages)) != len(pages):
            return False
        for batch in recipe.batches():
            chunks = {chunk for chunk, _ in batch}
            if len(self.index.present(chunks)) != len(chunks):
                return False
        return True

    def touch(self, object_ids: list[bytes]) -> None:
        """Date objects that were added again, so that garbage collection takes them for new.

        Raises:
            Vanished: it took one before it was dated; add it once more.
        """
        if not object_ids:
            return
        now = int(time.time())
        dates = self.index.read(lambda connection: _dates(connection, object_ids))
        if any(object_id not in dates for object_id in object_ids):
            raise Vanished
        old = [object_id for object_id, date in dates.items() if date < now - FRESH_SECONDS]
        if not old:
            return
        with self.index.write() as connection:
            if len(_dates(connection, old)) < len(old):
                raise Vanished
            wholes.touch(connection, old, now)
            for table in ("chunks", "objects"):
                connection.executemany(
                    f"UPDATE {table} SET added = ? WHERE id = ?",  # noqa: S608
                    [(now, object_id) for object_id in old],
                )


def _dates(connection: sqlite3.Connection, ids: list[bytes]) -> dict[bytes, int]:
    """When objects were last added, those that are known."""
    found = {one.id: one.added for one in wholes.find(connection, ids).values()}
    for table in ("chunks", "objects"):
        for batch in batches(ids):
            query = f"SELECT id, added FROM {table} WHERE id IN ({marks(batch)})"  # noqa: S608
            found.update(connection.execute(query, batch).fetchall())
    return found
