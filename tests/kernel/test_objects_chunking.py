"""Where bytes are cut: the same with and without an earlier recipe, and little changes by an edit."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from pyfastcdc import FastCDC

from millwright.kernel.objects.chunking import AVERAGE, MAXIMUM, MINIMUM, cut, cut_bytes
from millwright.kernel.objects.recipe import Recipe

pytestmark = pytest.mark.core
NOISE = random.Random(7).randbytes(3_000_000)
"""Edits are made in this; it has some seventy chunks, and spans three windows."""


def oracle(content: bytes) -> list[tuple[bytes, int]]:
    """The chunker itself over everything at once."""
    chunker = FastCDC(AVERAGE, min_size=MINIMUM, max_size=MAXIMUM)
    pieces = [(piece.offset, piece.length) for piece in chunker.cut_buf(content)]
    return [(blake3(content[at : at + size]).digest(), size) for at, size in pieces]


class Dribble(io.RawIOBase):
    """A stream that gives a few bytes at a time, as pipes do."""

    def __init__(self, content: bytes, most: int) -> None:
        self._file, self._most = io.BytesIO(content), most

    def readinto(self, buffer: memoryview) -> int:
        return self._file.readinto(buffer[: self._most])


def chunked(
    content: bytes, previous: Recipe | None = None, most: int = 1 << 30
) -> list[tuple[bytes, int]]:
    whole, found = blake3(), []
    for window in cut(Dribble(content, most).readinto, whole, previous):
        found += [(chunk, len(data)) for chunk, data in window]
    assert whole.digest() == blake3(content).digest()
    return found


@st.composite
def edits(draw: st.DrawFn) -> Iterator[bytes]:
    """The noise, edited: pieces replaced, taken out, put in, repeated."""
    content = bytearray(NOISE[: draw(st.sampled_from([0, 1, 40_000, 700_000, 3_000_000]))])
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        size = draw(st.sampled_from([0, 1, 2, 300, 20_000, 200_000]))
        kind = draw(
            st.sampled_from(["replace", "insert", "remove", "repeat", "zeros", "last byte"])
        )
        if kind == "replace":
            content[at : at + size] = random.Random(at).randbytes(size)
        elif kind == "insert":
            content[at:at] = random.Random(at).randbytes(size)
        elif kind == "remove":
            del content[at : at + size]
        elif kind == "repeat":
            content[at:at] = content[at // 2 : at // 2 + size]
        elif kind == "zeros":
            content[at : at + size] = bytes(size)
        elif content:
            content[-1] ^= 1
    return bytes(content)


@given(before=edits(), after=edits(), most=st.sampled_from([1 << 30, 70_001]))
@settings(max_examples=60, deadline=None)
def test_an_earlier_recipe_changes_nothing_but_the_time(
    before: bytes, after: bytes, most: int
) -> None:
    truth = oracle(after) if after else []
    assert chunked(after, most=most) == truth
    assert chunked(after, Recipe.of(chunked(before)), most=most) == truth
    if after:
        assert [(chunk, len(data)) for chunk, data in cut_bytes(after)] == truth


def test_a_change_right_behind_a_cut_is_noticed() -> None:
    """Whether there is a cut depends on one byte behind it."""
    recipe = Recipe.of(chunked(NOISE))
    for _, _, start in list(recipe.placed())[1:]:
        changed = bytearray(NOISE)
        changed[start] ^= 255
        assert chunked(bytes(changed), recipe) == oracle(bytes(changed))


def test_an_edit_changes_the_chunks_it_touches_and_hardly_more() -> None:
    inserted = NOISE[:1_000_000] + b"x" * 1000 + NOISE[1_000_000:]
    known = {chunk for chunk, _ in chunked(NOISE)}
    new = [size for chunk, size in chunked(inserted) if chunk not in known]
    assert sum(new) <= 3 * MAXIMUM
    assert len(new) <= 3


def test_a_recipe_is_its_bytes() -> None:
    recipe = Recipe.of(chunked(NOISE))
    assert Recipe.decoded(recipe.encoded()) == recipe
    assert recipe.size == sum(size for _, size in recipe) == len(NOISE)
    assert len(recipe.encoded()) == 36 * len(list(recipe))
