"""Bringing to a remote what it lacks: packs first, then the catalogue that tells of them.

Killed at any moment, the remote has whole packs and a catalogue that names none that is not there.
Which packs arrived before the catalogue was told of them is noted here, so the next attempt sends
only what was on its way.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Corrupt, Unavailable
from millwright.kernel.objects.codec import Codec, decode, encode
from millwright.kernel.objects.index import ELSEWHERE, Location
from millwright.kernel.objects.pack_format import Kind
from millwright.kernel.objects.recipe import Recipe
from millwright.kernel.remotes.building import PackBuilder
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.catalogue_format import SentPack
from millwright.kernel.remotes.local import LocalChunks
from millwright.kernel.remotes.pace import Pace
from millwright.kernel.remotes.progress import Progress

JOBS = 4
STRETCH = 100_000
"""Chunks that are looked up together, about 4 GB of large files."""
_GROUP = 128
_RECIPE_BYTES = 16 << 20
"""Of recipes, in one part of the catalogue."""
_PACKS_PER_PART = 8
_TOLD_EVERY = 1 << 20
_CHUNK, _PLAIN = int(Kind.CHUNK), int(Codec.NONE)
_READ = os.O_RDONLY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Sent:
    """What a push moved."""

    objects: int = 0
    chunks: int = 0
    packs: int = 0
    size: int = 0
    """Bytes of the packs."""
    complete: bool = True
    """False where time ran out first: what was sent is not sent again."""


def send(
    local: LocalChunks,
    catalogue: Catalogue,
    objects: Iterable[bytes],
    *,
    jobs: int = JOBS,
    progress: Progress | None = None,
    seconds: float | None = None,
) -> Sent:
    """Bring objects to the remote of a catalogue that is fresh; only missing chunks are moved.

    After ``seconds`` it ends with the pack at hand; calling it again goes on from there.

    Raises:
        Corrupt: a local chunk is not what was stored. Nothing damaged is ever sent.
        Unavailable: the remote cannot be reached, or a chunk is on another remote only.
    """
    progress = progress or Progress()
    wanted = list(dict.fromkeys(objects))
    catalogue.tell_rest()
    fresh: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        listed = local.several(wanted)
        for group in groups([key for key in wanted if key in listed]):
            several = local.recipes(group)
            known = catalogue.recipes(several)
            fresh.extend(key for key in several if key not in known)
            yield from chunks_of(group, several)
        yield from (key for key in wanted if key not in listed)

    stretches = _missing(local, catalogue, chunks(), progress)
    first = next(stretches, None)
    if first is None and not fresh:
        return Sent()
    with _staged(catalogue) as folder:
        sending = _Sending(local, catalogue, folder, jobs, progress)
        return sending.run(chain([first or []], stretches), fresh, seconds)


def groups(objects: list[bytes]) -> Iterator[list[bytes]]:
    """Objects so many at a time that their recipes fit into memory, however many there are."""
    return (objects[start : start + _GROUP] for start in range(0, len(objects), _GROUP))


def chunks_of(objects: Iterable[bytes], several: Mapping[bytes, Recipe]) -> Iterator[bytes]:
    """The chunks that objects consist of, pages of recipes included; a chunk may come twice."""
    for key in objects:
        if key in several:
            yield from several[key].ids()
        else:
            yield key


def _missing(
    local: LocalChunks, catalogue: Catalogue, chunks: Iterator[bytes], progress: Progress
) -> Iterator[list[Location]]:
    """Where those are that the remote lacks, so many at a time that memory stays bounded."""
    while some := list(islice(chunks, STRETCH)):
        found = _located(local, catalogue.without(some))
        if found:
            progress.expect(sum(location.stored for location in found))
            yield found


def _located(local: LocalChunks, missing: list[bytes]) -> list[Location]:
    """The places of chunks in the order in which a disk likes to be read."""
    found = local.locate(missing)
    for key in missing:
        if key not in found or found[key].source == ELSEWHERE:
            raise Unavailable(
                "remote.chunk_missing",
                f"The bytes of chunk {key.hex()[:12]} are not here, so they cannot be sent.",
                hint="Fetch them from the remote that has them, or look for damage with: "
                "mw data fsck",
            )
    return sorted(found.values(), key=attrgetter("source", "offset"))


@contextmanager
def _staged(catalogue: Catalogue) -> Iterator[Path]:
    if catalogue.remote.staging is not None:
        yield catalogue.remote.staging
        return
    with tempfile.TemporaryDirectory(prefix="mw-push-") as folder:
        yield Path(folder)


class _Sending:
    """One push: builds packs in this thread, uploads them in others."""

    def __init__(
        self, local: LocalChunks, catalogue: Catalogue, folder: Path, jobs: int, progress: Progress
    ) -> None:
        self._local, self._catalogue, self._folder = local, catalogue, folder
        self._jobs, self._progress = jobs, progress
        by_rename = catalogue.remote.staging is not None
        self._pace = Pace.of_folder(jobs) if by_rename else Pace(jobs)
        self._began = 0.0
        self._uploads: dict[Future[None], SentPack] = {}
        self._done: list[SentPack] = []
        self._packs = self._size = 0
        self._builder: PackBuilder | None = None
        self._in_vain = self._turn = self._moved = 0
        self._listed: list[tuple[bytes, bytes]] = []
        """Recipes that the catalogue does not tell of yet."""
        self._untold: set[bytes] = set()
        """Chunks in packs that the catalogue does not tell of yet."""

    def run(
        self,
        stretches: Iterator[list[Location]],
        fresh: list[bytes],
        seconds: float | None,
    ) -> Sent:
        """Send what is missing, then the recipes of objects that are fresh there by then."""
        complete = True
        end = None if seconds is None else time.monotonic() + seconds
        with ThreadPoolExecutor(self._jobs) as threads:
            try:
                sent = 0
                for place in chain.from_iterable(stretches):
                    if end is not None and sent and time.monotonic() > end:
                        complete = False
                        break
                    if place.id not in self._untold:
                        self._append(threads, place)
                        sent += 1
                self._progress.add(self._moved)
                for group in groups(fresh if complete else []):
                    self._list(threads, self._local.recipes(group))
                self._tell_all(threads)
            except BaseException:
                self._give_up()
                raise
        return Sent(len(fresh) if complete else 0, sent, self._packs, self._size, complete)

    def _list(self, threads: ThreadPoolExecutor, recipes: Mapping[bytes, Recipe]) -> None:
        self._listed.extend((key, recipe.encoded()) for key, recipe in recipes.items())
        if sum(len(encoded) for _, encoded in self._listed) > _RECIPE_BYTES:
            self._tell_all(threads)

    def _tell_all(self, threads: ThreadPoolExecutor) -> None:
        """Wait until everything is there, then tell of it."""
        self._finish_pack(threads, last=True)
        self._settle(0)
        if self._done or self._listed:
            self._catalogue.publish(self._done, self._listed)
            self._done, self._listed = [], []

    def _append(self, threads: ThreadPoolExecutor, place: Location) -> None:
        try:
            stored = self._read(place)
            codec = place.codec
            content = stored if codec == _PLAIN else decode(codec, stored, place.size)
        except (OSError, ValueError) as cause:
            raise _damaged(place.id) from cause
        if blake3(content).digest() != place.id:
            raise _damaged(place.id)
        payload: bytes | memoryview = stored
        if place.source < 0 and self._worth_squeezing():
            # A user's own file is not compressed here; on its way out it may be.
            codec, payload = encode(content)
            self._in_vain = self._in_vain + 1 if codec == _PLAIN else 0
        self._add(threads, place.id, payload, place.size, codec)
        self._untold.add(place.id)
        self._moved += place.stored
        if self._moved >= _TOLD_EVERY:
            self._progress.add(self._moved)
            self._moved = 0

    def _read(self, place: Location) -> bytes:
        if place.source > 0 or place.offset:
            return self._local.read_located(place)
        # The first chunk of a linked file is mostly all of it: opened once, not kept open.
        handle = os.open(self._local.name_of(place), _READ)
        try:
            return os.read(handle, place.stored)
        finally:
            os.close(handle)

    def _worth_squeezing(self) -> bool:
        """After many files that did not become smaller, only some are tried."""
        self._turn += 1
        return self._in_vain < 32 or self._turn % 64 == 0

    def _add(
        self,
        threads: ThreadPoolExecutor,
        digest: bytes,
        payload: bytes | memoryview,
        size: int,
        codec: int,
    ) -> None:
        if self._builder is not None:
            if self._builder.append(digest, payload, size, _CHUNK, codec):
                return
            self._finish_pack(threads)
        self._builder = PackBuilder(self._folder, self._pace.pack_bytes)
        self._builder.append(digest, payload, size, _CHUNK, codec)

    def _finish_pack(self, threads: ThreadPoolExecutor, *, last: bool = False) -> None:
        if self._builder is None:
            return
        # As long as much is under way, this pack waits on the disk.
        self._settle(self._pace.jobs - 1)
        builder, self._builder = self._builder, None
        pack = builder.finish()
        self._began = self._began or time.monotonic()
        # Of the last one the remote is told at once, if it waits for no other.
        note = not last or bool(self._uploads)
        self._uploads[threads.submit(self._upload, builder.path, pack, note)] = pack

    def _upload(self, path: Path, pack: SentPack, note: bool) -> None:
        self._catalogue.remote.upload(self._catalogue.pack_key(pack.name), path)
        if note:
            # Noted as soon as it is there: whoever is killed from here on does not send it again.
            self._catalogue.note(pack)
        path.unlink(missing_ok=True)

    def _settle(self, most: int) -> None:
        """Wait until at most so many uploads are under way; tell of those that are done."""
        while len(self._uploads) > most:
            done, _ = wait(self._uploads, return_when=FIRST_COMPLETED)
            for future in done:
                pack = self._uploads.pop(future)
                future.result()
                self._done.append(pack)
                self._packs += 1
                self._size += pack.size
                if self._catalogue.remote.staging is None:
                    self._pace.learn(self._size, time.monotonic() - self._began)
        if len(self._done) >= _PACKS_PER_PART:
            self._catalogue.publish(self._done, [])
            for pack in self._done:
                self._untold.difference_update(entry.id for entry in pack.entries)
            self._done = []

    def _give_up(self) -> None:
        if self._builder is not None:
            self._builder.drop()
        for future in self._uploads:
            future.cancel()
        # What is on its way arrives; only what was not begun is given up.
        wait(self._uploads)
        for future, pack in self._uploads.items():
            if not future.cancelled() and future.exception() is None:
                self._catalogue.note(pack)
            (self._folder / f"{pack.name}.pack").unlink(missing_ok=True)


def _damaged(chunk: bytes) -> Corrupt:
    return Corrupt(
        "remote.local_damage",
        f"Chunk {chunk.hex()[:12]} here no longer has the bytes that were written.",
        hint="Nothing was sent of it. Find and repair it with: mw data fsck --repair-from REMOTE",
        value=chunk.hex(),
    )
