"""Bringing here what is missing: whole packs where much of them is wanted, ranges where little is.

Nothing is taken before its BLAKE3 is that of the catalogue (packs) or of its name (chunks).
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Corrupt, NotFound
from millwright.kernel.objects.codec import Codec
from millwright.kernel.objects.index import ELSEWHERE
from millwright.kernel.objects.pack_format import Kind, recipe_content
from millwright.kernel.objects.recipe import Recipe
from millwright.kernel.remotes.building import PackBuilder
from millwright.kernel.remotes.catalogue import Catalogue, RemotePlace
from millwright.kernel.remotes.local import LocalChunks
from millwright.kernel.remotes.progress import Progress
from millwright.kernel.remotes.ranges import Run, damaged, length, payloads, read, runs
from millwright.kernel.remotes.sending import STRETCH, chunks_of, groups

JOBS = 4
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Received:
    """What a fetch moved."""

    chunks: int = 0
    packs: int = 0
    size: int = 0
    """Bytes that came over the wire."""
    complete: bool = True
    """False where time ran out first: what was taken is not fetched again."""


def receive(
    local: LocalChunks,
    catalogue: Catalogue,
    objects: Iterable[bytes],
    staging: Path,
    *,
    jobs: int = JOBS,
    progress: Progress | None = None,
    seconds: float | None = None,
) -> Received:
    """Bring objects here from the remote of a catalogue; only missing chunks are moved.

    After ``seconds`` it ends with the pack at hand; calling it again goes on from there.
    ``staging`` holds what is under way; packs that were cut off there are gone on with.

    Raises:
        NotFound: neither this machine nor the remote has an object; nothing was moved.
        Corrupt: the remote's bytes are not what they should be.
    """
    progress = progress or Progress()
    wanted = list(dict.fromkeys(objects))
    staging.mkdir(parents=True, exist_ok=True)
    for attempt in range(_ATTEMPTS):
        receiving = _Receiving(local, catalogue, staging, jobs, progress)
        try:
            receiving.pages(wanted)
            stretches = _missing(local, catalogue, _chunks(local, catalogue, wanted))
            first, more = next(stretches, []), next(stretches, None)
            if more is None:
                return receiving.run(iter([first]), wanted, seconds)
            # Nothing is moved before all of it is known to be there.
            deque(stretches, maxlen=0)
            stretches = _missing(local, catalogue, _chunks(local, catalogue, wanted))
            return receiving.run(stretches, wanted, seconds)
        except NotFound as cause:
            # Garbage collection wrote the pack anew since the catalogue was heard.
            if cause.code != "remote.no_object" or attempt + 1 == _ATTEMPTS:
                raise
            catalogue.refresh()
    raise AssertionError("unreachable")


def _recipes(
    local: LocalChunks, catalogue: Catalogue, wanted: list[bytes]
) -> Iterator[tuple[list[bytes], dict[bytes, Recipe], dict[bytes, bytes]]]:
    """Some objects at a time: their recipes, and those, encoded, that this machine lacks."""
    for group in groups(wanted):
        known = local.recipes(group)
        fresh = catalogue.recipes(key for key in group if key not in known)
        yield group, known | {key: local.opened(one) for key, one in fresh.items()}, fresh


def _chunks(local: LocalChunks, catalogue: Catalogue, wanted: list[bytes]) -> Iterator[bytes]:
    for group, several, _ in _recipes(local, catalogue, wanted):
        yield from chunks_of(group, several)


def _missing(
    local: LocalChunks, catalogue: Catalogue, chunks: Iterator[bytes]
) -> Iterator[list[RemotePlace]]:
    """Where the chunks are that this machine lacks, so many at a time that memory stays bounded."""
    while some := list(dict.fromkeys(islice(chunks, STRETCH))):
        here = local.locate(some)
        missing = [key for key in some if key not in here or here[key].source == ELSEWHERE]
        places = catalogue.places(missing)
        lost = [key for key in missing if key not in places]
        if lost:
            raise NotFound(
                "remote.lacks",
                f"{catalogue.remote.address} lacks {len(lost)} of {len(some)} chunks.",
                hint="Push them from where they are, or name another remote.",
                value=lost[0].hex(),
            )
        yield list(places.values())


class _Receiving:
    """One fetch: downloads in several threads, adopted one after the other."""

    def __init__(
        self, local: LocalChunks, catalogue: Catalogue, staging: Path, jobs: int, progress: Progress
    ) -> None:
        self._local, self._catalogue, self._staging = local, catalogue, staging
        self._jobs, self._progress = jobs, progress
        self._builder: PackBuilder | None = None
        self._size = self._packs = 0

    def pages(self, wanted: list[bytes]) -> None:
        """Bring the pages of recipes here, without which it is not known what to fetch."""
        found = _recipes(self._local, self._catalogue, wanted)
        pages = [page for _, several, _ in found for one in several.values() for page in one.pages]
        if pages:
            self.run(_missing(self._local, self._catalogue, iter(pages)), [], None)

    def run(
        self,
        stretches: Iterator[list[RemotePlace]],
        wanted: list[bytes],
        seconds: float | None,
    ) -> Received:
        """Bring chunks here, then the recipes of those of these objects that it lacks."""
        end = None if seconds is None else time.monotonic() + seconds
        chunks, complete = 0, True
        try:
            for places in stretches:
                complete = complete and (not chunks or end is None or time.monotonic() <= end)
                if not complete or not self._take(places, end):
                    complete = False
                    break
                chunks += len(places)
            for _, _, fresh in _recipes(self._local, self._catalogue, wanted if complete else []):
                for key, encoded in fresh.items():
                    about = recipe_content(key, encoded)
                    digest = blake3(about).digest()
                    self._append(digest, about, len(about), Kind.RECIPE, Codec.NONE)
            self._adopt_built()
        finally:
            if self._builder is not None:
                self._builder.drop()
        return Received(chunks, self._packs, self._size, complete)

    def _take(self, places: list[RemotePlace], end: float | None) -> bool:
        """Bring some chunks here; whether time was enough for them."""
        by_pack: dict[str, list[RemotePlace]] = defaultdict(list)
        for place in places:
            by_pack[place.pack].append(place)
        sizes = self._catalogue.packs()
        whole = [
            name
            for name, some in by_pack.items()
            if 2 * sum(place.stored for place in some) >= sizes[name][0]
        ]
        taken = set(whole)
        ranges = [run for name, some in by_pack.items() if name not in taken for run in runs(some)]
        self._progress.expect(sum(sizes[name][0] for name in whole))
        self._progress.expect(sum(length(run) for run in ranges))
        with ThreadPoolExecutor(self._jobs) as threads:
            return self._take_packs(threads, whole, end) and self._take_ranges(threads, ranges, end)

    def _take_packs(self, threads: Executor, names: list[str], end: float | None) -> bool:
        """Adopt packs in order while others are on their way; whether time was enough for all."""
        for start in range(0, len(names), 2 * self._jobs):
            if start and end is not None and time.monotonic() > end:
                return False
            some = names[start : start + 2 * self._jobs]
            for name, path in zip(some, threads.map(self._pack, some), strict=True):
                self._size += path.stat().st_size
                self._packs += 1
                self._adopt(path, name)
        return True

    def _take_ranges(self, threads: Executor, ranges: list[Run], end: float | None) -> bool:
        for start in range(0, len(ranges), 8 * self._jobs):
            if start and end is not None and time.monotonic() > end:
                return False
            some = ranges[start : start + 8 * self._jobs]
            for run, content in zip(some, threads.map(self._range, some), strict=True):
                self._keep(run, content)
        return True

    def _pack(self, name: str) -> Path:
        path = self._staging / f"{name}.pack"
        size = self._catalogue.remote.download(self._catalogue.pack_key(name), path)
        self._progress.add(size)
        return path

    def _adopt(self, path: Path, name: str) -> None:
        try:
            self._local.adopt_pack(path)
        except Corrupt as cause:
            # The next attempt starts afresh: what is wrong may have come from an interruption.
            path.unlink(missing_ok=True)
            raise damaged(self._catalogue, name) from cause

    def _range(self, run: Run) -> bytes:
        content = read(self._catalogue, run)
        self._progress.add(len(content))
        return content

    def _keep(self, run: Run, content: bytes) -> None:
        self._size += len(content)
        for place, payload in payloads(self._catalogue, run, content):
            self._append(place.id, payload, place.size, Kind.CHUNK, place.codec)

    def _append(self, digest: bytes, payload: bytes, size: int, kind: int, codec: int) -> None:
        if self._builder is not None:
            if self._builder.append(digest, payload, size, kind, codec):
                return
            self._adopt_built()
        self._builder = PackBuilder(self._staging)
        self._builder.append(digest, payload, size, kind, codec)

    def _adopt_built(self) -> None:
        if self._builder is None:
            return
        builder, self._builder = self._builder, None
        builder.finish()
        self._local.adopt_pack(builder.path)
