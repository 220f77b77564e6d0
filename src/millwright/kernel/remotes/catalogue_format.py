"""What a remote says of its packs: parts of a catalogue, each named by the BLAKE3 of its bytes.

A part lists packs (name, size, digest, records) and the chunks of objects that have several.
Numbers are little-endian. ``docs/formats.md`` has it under "Remotes".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blake3 import blake3

from millwright.kernel.errors import Corrupt
from millwright.kernel.objects.pack_format import ENTRY, Entry

MAGIC = b"MWCAT01\n"
_COUNTS = struct.Struct("<II")
_PACK = struct.Struct("<16sQ32sI")
_OBJECT = struct.Struct("<32sI")
_RECIPE_ITEM = 36


@dataclass(frozen=True, slots=True)
class SentPack:
    """A pack on a remote: ``digest`` is the BLAKE3 of the whole file.

    Its entries are kept as they are written, since there are thousands that nobody looks at.
    """

    name: str
    size: int
    digest: bytes
    index: bytes
    """The entries, as in the footer of a pack."""

    @property
    def entries(self) -> Iterator[Entry]:
        """The records of the pack."""
        return (Entry(*row[:6]) for row in ENTRY.iter_unpack(self.index))


@dataclass(frozen=True, slots=True)
class Part:
    """Some packs, and the recipes (36 bytes per chunk) of objects by their 32-byte digest."""

    packs: tuple[SentPack, ...]
    objects: tuple[tuple[bytes, bytes], ...]


def encode(packs: Sequence[SentPack], objects: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The one byte form of a part."""
    pieces = [MAGIC, _COUNTS.pack(len(packs), len(objects))]
    for pack in packs:
        count = len(pack.index) // ENTRY.size
        pieces += [_PACK.pack(bytes.fromhex(pack.name), pack.size, pack.digest, count), pack.index]
    for digest, recipe in objects:
        pieces.append(_OBJECT.pack(digest, len(recipe) // _RECIPE_ITEM))
        pieces.append(recipe)
    return b"".join(pieces)


def decode(content: bytes, name: str) -> Part:
    """The part in these bytes, which must be those that its name promises; else ``Corrupt``."""
    try:
        if blake3(content).hexdigest() != name or not content.startswith(MAGIC):
            raise ValueError("its bytes are not those of its name")
        return _decoded(content)
    except (struct.error, ValueError) as cause:
        raise Corrupt(
            "remote.catalogue",
            f"Part {name[:12]} of the remote's catalogue is damaged: {cause}.",
            hint="Push from a whole copy with: mw data push --all",
        ) from cause


def _decoded(content: bytes) -> Part:
    place = len(MAGIC)
    pack_count, object_count = _COUNTS.unpack_from(content, place)
    place += _COUNTS.size
    packs, objects = [], []
    for _ in range(pack_count):
        name, size, digest, count = _PACK.unpack_from(content, place)
        place += _PACK.size
        index = content[place : place + count * ENTRY.size]
        place += count * ENTRY.size
        if place > len(content):
            raise ValueError("it ends too early")
        packs.append(SentPack(name.hex(), size, digest, index))
    for _ in range(object_count):
        digest, count = _OBJECT.unpack_from(content, place)
        place += _OBJECT.size
        objects.append((digest, content[place : place + count * _RECIPE_ITEM]))
        place += count * _RECIPE_ITEM
    if place != len(content):
        raise ValueError("it is longer or shorter than it says")
    return Part(tuple(packs), tuple(objects))
