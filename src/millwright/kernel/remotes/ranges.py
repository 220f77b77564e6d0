"""Chunks of a remote's packs, read in as few ranges as pay, each verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from blake3 import blake3

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects.codec import decode
from millwright.kernel.remotes.catalogue import Catalogue, RemotePlace

_GAP = 64 << 10
_LONGEST = 16 << 20
Run = list[RemotePlace]
"""Chunks of one pack that lie close together, in order."""


def runs(places: Iterable[RemotePlace]) -> Iterator[Run]:
    """The chunks of one pack as runs, each to be read at once."""
    run: Run = []
    for place in sorted(places, key=lambda place: place.offset):
        if run:
            end = run[-1].offset + run[-1].stored
            if place.offset - end > _GAP or place.offset + place.stored - run[0].offset > _LONGEST:
                yield run
                run = []
        run.append(place)
    if run:
        yield run


def length(run: Run) -> int:
    """The bytes from the start of a run to its end."""
    return run[-1].offset + run[-1].stored - run[0].offset


def read(catalogue: Catalogue, run: Run) -> bytes:
    """The bytes of a run; ``NotFound`` where the pack is gone."""
    key = catalogue.pack_key(run[0].pack)
    return catalogue.remote.get_range(key, run[0].offset, length(run))


def payloads(catalogue: Catalogue, run: Run, content: bytes) -> Iterator[tuple[RemotePlace, bytes]]:
    """Each chunk of a run as it is written.

    Raises:
        Corrupt: a chunk is not what its name says.
    """
    for place in run:
        start = place.offset - run[0].offset
        payload = content[start : start + place.stored]
        if not sound(place, payload):
            raise damaged(catalogue, place.pack)
        yield place, payload


def sound(place: RemotePlace, payload: bytes) -> bool:
    """Whether these stored bytes are the chunk that they should be."""
    try:
        return blake3(decode(place.codec, payload, place.size)).digest() == place.id
    except ValueError:
        return False


def damaged(catalogue: Catalogue, pack: str) -> Corrupt:
    """The error for a pack whose bytes are not what was sent."""
    return Corrupt(
        "remote.pack_damaged",
        f"Pack {pack[:12]} on {catalogue.remote.address} is damaged.",
        hint="Look at all of it with: mw data fsck --remote NAME, and mend it from a whole copy "
        "with --repair.",
        value=pack,
    )
