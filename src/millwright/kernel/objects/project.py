"""One project's objects: the face that everything else uses."""

from __future__ import annotations

import io
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from millwright.kernel.objects import (
    adding,
    adopting,
    cached_files,
    linked,
    linking,
    listing,
    removing,
    restoring,
    sweeping,
    verifying,
)
from millwright.kernel.objects.digests import digest_of, raw_digest
from millwright.kernel.objects.index import ELSEWHERE, Index, Location
from millwright.kernel.objects.link_shelf import LinkShelf
from millwright.kernel.objects.linked import State
from millwright.kernel.objects.packs import Pack, PackShelf
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.reading import (
    Fetch,
    ObjectFile,
    damaged,
)
from millwright.kernel.objects.receiving import Receiving
from millwright.kernel.objects.recipe import Recipe
from millwright.kernel.objects.removing import Orphans
from millwright.kernel.objects.sweeping import Swept
from millwright.kernel.objects.verifying import Damage
from millwright.kernel.objects.whole_files import How

_BUFFER = 128 << 10
_WORTH_MOVING = 0.5
"""Up to this share of a linked file is copied to be rid of the rest."""


class ProjectObjects:
    """Objects by the BLAKE3 of their bytes, stored as chunks that are kept once per project.

    Safe for many threads and processes at once. Digests are 64 hexadecimal digits; ids of chunks
    are their 32 bytes. All methods raise ``Unavailable`` when the disk is full, and ``NotFound``
    for an object that nobody stored.
    """

    def __init__(self, root: Path, fetch: Fetch) -> None:
        self.root = root
        for folder in (root / "packs", root / "links"):
            folder.mkdir(parents=True, exist_ok=True)
        index = Index(root)
        packs, links = PackShelf(root / "packs", index), LinkShelf(root / "links")
        self._parts = Parts.of(root, index, packs, links, fetch)

    # Adding

    def put(self, content: bytes | BinaryIO | Path) -> str:
        """Store bytes, a stream or a file, and return the digest; durable on return."""
        return adding.put(self._parts, content).hex()

    def put_many(self, contents: Iterable[bytes]) -> list[str]:
        """Store many byte strings with one flush and one transaction; durable on return."""
        return [found.hex() for found in adding.put_many(self._parts, contents)]

    def link(self, path: Path, *, known: Recipe | None = None) -> str:
        """Add a file without a second copy, and return the digest; durable on return.

        The file is linked into the store and write-protected (``unprotect`` gives a private copy);
        where it cannot be linked, it is copied. A file most of whose bytes are stored already is
        left as it is, and only its new chunks are stored. ``known`` is the recipe of an earlier
        version of it, which saves time.

        Raises:
            InvalidInput: it is no regular file.
            Conflict: it changed while it was read.
        """
        earlier = {} if known is None else {str(path): known}
        return linking.link_many(self._parts, [path], earlier)[0][0].hex()

    def receiving(self) -> Receiving:
        """A stream that becomes an object as it arrives: see ``receiving.Receiving``."""
        return Receiving(self._parts)

    def link_many(
        self,
        paths: Sequence[str | Path],
        *,
        earlier: Mapping[str, str] | None = None,
        shared: bool = False,
    ) -> list[str]:
        """As ``link`` for many files, with one flush and one transaction.

        ``earlier`` has digests of earlier versions by path, as text; it saves time.
        ``shared`` files are another program's, too (a cache): permission bits protect them and no
        attribute that would keep their owner from removing them, and none is stored a second time.
        """
        linked = linking.link_many(self._parts, paths, earlier or {}, shared=shared)
        return [found.hex() for found, _ in linked]

    def link_files(
        self, paths: Sequence[str], *, earlier: Mapping[str, str]
    ) -> list[tuple[bytes, State | None]]:
        """As ``link_many``: raw digests, and what each file was when it had been read and protected.

        None stands for what has to be looked at again.
        """
        return linking.link_many(self._parts, paths, earlier)

    # Reading

    def open(self, digest: str) -> BinaryIO:
        """The object's bytes as a seekable stream; reads the chunks it needs, and verifies them."""
        recipe = self._parts.recipe(raw_digest(digest))
        raw = ObjectFile(recipe, self._parts.reader)
        return cast(BinaryIO, io.BufferedReader(raw, _BUFFER))

    def read(self, digest: str) -> bytes:
        """The object's bytes, verified against the digest.

        Raises:
            Corrupt: they are not what was written.
        """
        recipe = self._parts.recipe(raw_digest(digest))
        content = b"".join(self._parts.reader.stream(recipe))
        if recipe.several and digest_of(content) != digest:
            raise damaged(digest, self.root)
        return content

    def stream(self, digest: str) -> Iterator[bytes]:
        """The object's bytes piece by piece, each verified."""
        return self._parts.reader.stream(self._parts.recipe(raw_digest(digest)))

    def read_many(self, digests: Sequence[str]) -> list[bytes]:
        """The bytes of many small objects, each verified; they are looked up together."""
        found = self._parts.index.locate(raw_digest(digest) for digest in digests)
        content = []
        for digest in digests:
            # An object of one chunk has its name; what is not found so is of several, or away.
            place = found.get(bytes.fromhex(digest))
            here = place is not None and place.source != ELSEWHERE
            content.append(self._parts.reader.chunk(place) if place and here else self.read(digest))
        return content

    def read_range(self, digest: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start`` on; only the chunks they are in are read."""
        recipe = self._parts.recipe(raw_digest(digest))
        return b"".join(ObjectFile(recipe, self._parts.reader).pieces(start, length))

    def has(self, digest: str) -> bool:
        """Whether the object's bytes are here."""
        return bool(self._parts.whole([raw_digest(digest)]))

    def absent(self, object_ids: Iterable[bytes]) -> list[bytes]:
        """Those of these objects, by raw digest, whose bytes are not all here."""
        wanted = list(dict.fromkeys(object_ids))
        here = self._parts.whole(wanted)
        return [object_id for object_id in wanted if object_id not in here]

    def bring(self, object_ids: Iterable[bytes]) -> None:
        """Fetch objects, by raw digest, from a remote; what no remote has stays away."""
        wanted = list(object_ids)
        if wanted:
            self._parts.reader.fetch(wanted)

    def has_many(self, digests: Iterable[str]) -> set[str]:
        """Those of these objects whose bytes are here."""
        wanted = [raw_digest(digest) for digest in digests]
        return {found.hex() for found in self._parts.whole(wanted)}

    def size(self, digest: str) -> int:
        """The object's size in bytes."""
        return self._parts.recipe(raw_digest(digest)).size

    def recipe(self, digest: str) -> Recipe:
        """The object's chunks."""
        return self._parts.recipe(raw_digest(digest))

    # Files

    def restore(
        self, digest: str, path: Path, *, how: How = "auto", executable: bool | None = None
    ) -> str:
        """Write the object out as a file, atomically and verified.

        Says which way it took: ``reflink``, ``hardlink`` (then the file is write-protected) or
        ``copy``. ``auto`` takes the first of them that works.
        """
        object_id = raw_digest(digest)
        return restoring.restore(self._parts, object_id, path, how=how, executable=executable)

    def restore_many(
        self, wanted: Iterable[tuple[bytes, str | Path, bool]], *, how: How = "auto"
    ) -> dict[str | Path, State]:
        """As ``restore`` for many: raw digest, path, and whether the file is executable.

        Of those that were linked, what they are now is returned by path.
        """
        return restoring.restore_many(self._parts, wanted, how=how)

    def unprotect(self, path: Path) -> None:
        """Make a working file a private, writable copy; the bytes in the store stay."""
        linked.unprotect(path)

    def discard(self, path: Path) -> None:
        """Remove a working file, protected or not; the bytes in the store stay."""
        linked.remove(path)

    def local_path(self, digest: str) -> Path:
        """A read-only file with the object's bytes, for readers that need a path."""
        return cached_files.local_path(self._parts, digest)

    def drop_cached(self, object_ids: Iterable[bytes]) -> int:
        """Remove the files that ``local_path`` wrote for these; how many bytes they took."""
        return cached_files.drop_cached(self._parts, object_ids)

    # Upkeep

    def packs(self) -> list[Pack]:
        """The packs, oldest first."""
        return self._parts.packs.all()

    def links(self) -> Iterator[tuple[str, Path]]:
        """The linked files: the object's digest and where it is."""
        for number, object_id in listing.links(self._parts):
            yield object_id.hex(), self._parts.links.path(number)

    def objects(self) -> Iterator[tuple[str, Recipe]]:
        """All objects of several chunks; an object of one chunk is listed by ``chunks`` only."""
        for object_id, recipe in listing.objects(self._parts):
            yield object_id.hex(), recipe

    def chunks(self, *, before: float | None = None) -> Iterator[Location]:
        """All chunks and where they are; those added before a moment (Unix time) if one is given."""
        return listing.chunks(self._parts, before)

    def locate(self, chunk_ids: Iterable[bytes]) -> dict[bytes, Location]:
        """Where chunks are, those that are known."""
        return self._parts.index.locate(chunk_ids)

    def name_of(self, location: Location) -> str:
        """The path of the pack or linked file that a chunk's bytes are in."""
        if location.source < 0:
            return self._parts.links.name(-location.source)
        return str(self._parts.place(location.source))

    def read_located(self, location: Location) -> bytes:
        """A chunk's bytes as they are written, unverified; ``OSError`` where they are gone."""
        return self._parts.reader.raw(location)

    def several(self, object_ids: Iterable[bytes]) -> set[bytes]:
        """Those of these objects that consist of several chunks."""
        return self._parts.index.several(object_ids)

    def recipes(self, object_ids: Iterable[bytes]) -> dict[bytes, Recipe]:
        """The chunks of objects that have several, those that are known."""
        return self._parts.recipes(object_ids)

    def opened(self, encoded: bytes) -> Recipe:
        """A recipe that came from elsewhere, whose pages are chunks of this project."""
        return self._parts.opened(encoded)

    def add_recipe(self, digest: str, recipe: Recipe) -> None:
        """Make an object known whose chunks are on a remote."""
        adopting.add_recipe(self._parts, raw_digest(digest), recipe)

    def adopt_pack(self, path: Path) -> list[bytes]:
        """Move a pack that came from elsewhere into the store; the ids of its chunks."""
        return adopting.adopt_pack(self._parts, path)

    def seal(self) -> None:
        """Seal the packs that nobody else is appending to."""
        self._parts.packs.seal_idle()

    def forget(
        self, objects: Iterable[str] = (), chunks: Iterable[bytes] = (), *, away: bool = False
    ) -> None:
        """Drop objects and chunks from the index; ``away`` keeps chunks known as being remote.

        Bytes in packs stay until ``rewrite_pack``; linked files nobody refers to are removed.
        """
        ids = [raw_digest(digest) for digest in objects]
        removing.forget(self._parts, ids, chunks, away=away)

    def unreferenced(
        self, live_objects: Container[bytes], live_chunks: Container[bytes], *, before: float
    ) -> Swept:
        """What is neither live nor added since a moment (Unix time)."""
        return sweeping.unreferenced(self._parts, live_objects, live_chunks, before)

    def sweep(
        self, found: Swept, live_objects: Container[bytes], live_chunks: Container[bytes]
    ) -> Swept:
        """Forget what ``unreferenced`` found and what still is so, while others write.

        Files stay until ``release_links`` and ``rewrite_pack``.
        """
        return sweeping.sweep(self._parts, found, live_objects, live_chunks)

    def release_links(self) -> int:
        """Remove linked files of which little is needed any more; bytes freed."""
        return removing.release_links(self._parts, most=_WORTH_MOVING)

    def sweeps(self) -> int:
        """How often anything was swept: as long as that stays, what was here is here."""
        return self._parts.index.sweeps()

    def rewrite_pack(self, pack: Pack) -> int:
        """Copy what the index knows to be in a pack elsewhere and remove the pack; bytes freed."""
        return removing.rewrite_pack(self._parts, pack)

    def verify(self, on_progress: Callable[[int, int], None] | None = None) -> list[Damage]:
        """Read every chunk again; which are damaged. Progress is bytes done and bytes in all."""
        return list(verifying.verify(self._parts, on_progress))

    def damaged(self) -> set[bytes]:
        """The chunks that ``verify`` found damaged and nobody replaced since."""
        return verifying.damaged_chunks(self._parts)

    def replace_chunk(self, chunk_id: bytes, content: bytes) -> None:
        """Put a good copy of a chunk in place of a damaged one."""
        verifying.replace_chunk(self._parts, chunk_id, content)

    def mend_recipe(self, digest: str) -> bool:
        """List an object's chunks anew from the linked file that it is; whether there is one."""
        return verifying.mend_recipe(self._parts, raw_digest(digest))

    def orphans(self) -> Orphans:
        """Files in the store that no row refers to."""
        return removing.orphans(self._parts)

    def reclaim(self, found: Orphans, *, before: float) -> int:
        """Remove orphans last changed before a moment (Unix time); bytes freed."""
        return removing.reclaim(self._parts, found, before=before)

    def rebuild(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Make the index again from packs and linked files."""
        adopting.rebuild(self._parts, on_progress)

    def close(self) -> None:
        """Release files and the index; the next use opens them again."""
        self._parts.close()
