"""The working copy as a whole: its datasets, found by name, path, or the manifest files of git."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from millwright.data.working.index import Tracked, WorkingIndex, own_place
from millwright.data.working.place import Place, relative_to_root
from millwright.kernel.errors import NotFound, nearest

if TYPE_CHECKING:
    from millwright.data.trees import Nodes
    from millwright.data.working.journal import Known
    from millwright.data.working.ledger import Ledger

_MANIFEST = ".mw"
_RECORDS_BETWEEN_COLLECTIONS = 200_000


@dataclass(frozen=True)
class WorkingCopy:
    """What the commands work with."""

    place: Place
    index: WorkingIndex

    @cached_property
    def ledger(self) -> Ledger:
        """The versions that there are."""
        from millwright.data.working.ledger import ledger_of

        return ledger_of(self.place)

    @classmethod
    @contextmanager
    def opened(cls, project: str | None = None, *, start: bool = False) -> Iterator[WorkingCopy]:
        """The working copy around the current folder."""
        # Records of files come by the hundred thousand, and none of them refers back to another:
        # looking for such circles again and again would be a twentieth of the time.
        gc.set_threshold(_RECORDS_BETWEEN_COLLECTIONS)
        place = Place.find(project, start=start)
        index = WorkingIndex(place.state)
        try:
            yield cls(place, index)
        finally:
            index.close()

    def chosen(self, words: tuple[str, ...]) -> list[Tracked]:
        """The datasets of the working copy with these names or paths; all without any.

        Raises:
            NotFound: one is not in the working copy.
        """
        tracked = self.index.tracked()
        if not words:
            return tracked
        return [self.one(word, tracked) for word in words]

    def one(self, word: str, tracked: list[Tracked] | None = None) -> Tracked:
        """The dataset with this name, path, or manifest file; raises ``NotFound``."""
        known = self.index.tracked() if tracked is None else tracked
        found = self.known(word, known)
        if found is None:
            names = [each.name for each in known]
            guess = nearest(word, names)
            raise NotFound(
                "data.not_in_working_copy",
                f"'{word}' is no dataset of the working copy.",
                hint=f"Did you mean '{guess}'?" if guess else "Add it with: mw data add PATH",
                value=word,
            )
        return found

    def known(self, word: str, tracked: list[Tracked]) -> Tracked | None:
        """As ``one``, or None."""
        path = relative_to_root(self.place, Path(word.removesuffix(_MANIFEST)))
        there = [each for each in tracked if each.path == path]
        return there[0] if there else own_place(tracked, word)

    def version_of(self, reference: str) -> Known:
        """The version that ``name@…`` names; raises ``NotFound``."""
        from millwright.data.references import split
        from millwright.data.working.ledger import find

        name, selector = split(reference)
        return find(self.ledger, name, selector)

    def tree_of(self, version: Known, file_name: str | None = None) -> tuple[Nodes, bytes]:
        """The manifest of a version; of a table, that of the one file that it was given as."""
        from millwright.data.trees import Entry, Kind, NodesInMemory, build

        if version.kind == "files":
            return self.place.trees, bytes.fromhex(version.digest)
        digest = version.original or version.digest
        size = self.place.objects.size(digest)
        name = file_name or f"{version.name}.parquet"
        built = build({name.encode(): Entry(Kind.FILE, size, bytes.fromhex(digest))})
        return NodesInMemory(built.nodes, self.place.trees), built.root
