"""Adding bytes to packs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO, TypeVar

from blake3 import blake3

from millwright.kernel.errors import Conflict
from millwright.kernel.objects.appending import (
    Appending,
    Vanished,
)
from millwright.kernel.objects.chunking import MINIMUM, ReadInto, cut, cut_bytes
from millwright.kernel.objects.parts import Parts
from millwright.kernel.objects.recipe import Recipe

_T = TypeVar("_T")


def put(parts: Parts, content: bytes | BinaryIO | Path) -> bytes:
    """Store bytes, a stream or a file in packs; durable on return."""
    if isinstance(content, bytes):
        return put_many(parts, [content])[0]
    if isinstance(content, Path):
        with content.open("rb", buffering=0) as file:
            return _put_stream(parts, file)
    return _put_stream(parts, content)


def put_many(parts: Parts, contents: Iterable[bytes]) -> list[bytes]:
    """Store many byte strings with one flush and one transaction; durable on return."""
    kept = list(contents)
    return again(lambda: _put_many(parts, kept))


def _put_many(parts: Parts, contents: list[bytes]) -> list[bytes]:
    ids = [blake3(content).digest() for content in contents]
    here = parts.whole(list(dict.fromkeys(ids)))
    parts.touch(list(here))
    with Appending(parts.packs, parts.index) as out:
        for object_id, content in dict(zip(ids, contents, strict=True)).items():
            if object_id not in here:
                _append_bytes(parts, out, object_id, content)
    return ids


def _append_bytes(parts: Parts, out: Appending, object_id: bytes, content: bytes) -> None:
    if len(content) <= MINIMUM:
        out.chunk(object_id, content)
        return
    chunks = cut_bytes(content)
    here = parts.index.present(chunk for chunk, _ in chunks)
    for chunk, data in chunks:
        if chunk not in here:
            out.chunk(chunk, data)
    if len(chunks) > 1:
        out.recipe(object_id, Recipe.of((chunk, len(data)) for chunk, data in chunks))


def _put_stream(parts: Parts, file: BinaryIO) -> bytes:
    head = _read(file, MINIMUM + 1)
    if len(head) <= MINIMUM:
        return put_many(parts, [head])[0]
    if not file.seekable():
        try:
            return _put_large(parts, _Joined(head, file).read_into)
        except Vanished:
            raise Conflict(
                "objects.collected",
                "Garbage collection took chunks of the object while it was being stored.",
                hint="Store it again.",
            ) from None
    start = file.tell() - len(head)

    def put_once() -> bytes:
        file.seek(start)
        return _put_large(parts, _Joined(b"", file).read_into)

    return again(put_once)


def _put_large(parts: Parts, read_into: ReadInto) -> bytes:
    whole, listing = blake3(), parts.listing()
    with Appending(parts.packs, parts.index) as out:
        for window in cut(read_into, whole):
            here = parts.index.present(chunk for chunk, _ in window)
            for chunk, data in window:
                if chunk not in here:
                    out.chunk(chunk, data)
            listing.add(window)
        object_id, recipe = whole.digest(), listing.recipe()
        if recipe.several:
            out.recipe(object_id, recipe)
    return object_id


class _Joined:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head, self._file = head, file

    def read_into(self, view: memoryview) -> int:
        content = self._head[: len(view)]
        self._head = self._head[len(content) :]
        if not content:
            if hasattr(self._file, "readinto"):
                return int(self._file.readinto(view) or 0)
            content = self._file.read(len(view))
        view[: len(content)] = content
        return len(content)


def _read(file: BinaryIO, size: int) -> bytes:
    content = b""
    while len(content) < size:
        block = file.read(size - len(content))
        if not block:
            break
        content += block
    return content


def again(act: Callable[[], _T]) -> _T:
    """Act once more while garbage collection takes what was about to be referred to."""
    while True:
        try:
            return act()
        except Vanished:
            continue
