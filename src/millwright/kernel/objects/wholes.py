"""Linked files that are one chunk, two thousand to a row: most of what a folder of small files is.

A row of its own per chunk and per link takes 115 bytes and a fifth of the time of adding a file of
4 KiB; here it is the 32 bytes of its digest and about three. ``wholes`` has digests in order with
the numbers of the links, ``whole_facts`` has size, times and date by number. What is to be changed
or dropped is made rows of ``chunks`` and ``links`` first (``take_out``), so that all who change the
index know only those. Every function works inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from millwright.kernel.columns import pack_columns, unpack_columns

SCHEMA = """
CREATE TABLE IF NOT EXISTS wholes(
  first BLOB PRIMARY KEY, heads BLOB NOT NULL, tails BLOB NOT NULL, numbers BLOB NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS whole_facts(folder INTEGER PRIMARY KEY, facts BLOB NOT NULL);
"""
LARGEST = 16 << 10
"""Larger files may be several chunks, and are rows."""

_PAGE = 2048
_FOLDER = 2048
_DIGEST = 32
_HEAD = 3
"""Of digests in order the first bytes are near each other, and are kept as differences."""
_LOWEST = struct.Struct("<q")
_WIDTH = 8
_FEW = 64
"""Up to so many digests are searched for in a page; for more, all of its digests are made."""
_AT_LEAST = 2048
_SHARE = 8
"""Rows are put together once they are this part of what is together already."""


class Whole(NamedTuple):
    """A linked file whose bytes are the one chunk ``id``; ``added`` is Unix time.

    Microseconds tell a changed file as well as nanoseconds do, in a byte less.
    """

    id: bytes
    number: int
    size: int
    mtime_us: int
    added: int


Row = tuple[bytes, int, int, int, int]
"""A ``Whole`` before it has its names, as thousands come at once."""

PageRow = tuple[bytes, bytes, bytes, bytes]
"""First digest, heads, tails and numbers of a page."""

_Facts = tuple[int, int, int]
"""Size, time and date of a link."""


class _Page(NamedTuple):
    first: bytes
    ids: bytes
    numbers: list[int]

    def all(self) -> list[bytes]:
        """The digests one by one, in order."""
        ids = self.ids
        return [ids[at : at + _DIGEST] for at in range(0, len(ids), _DIGEST)]

    def find(self, digests: list[bytes]) -> dict[bytes, int]:
        """Numbers by digest, of those that are here."""
        known = dict(zip(self.all(), self.numbers, strict=True))
        return {digest: known[digest] for digest in digests if digest in known}


def numbers_of(connection: sqlite3.Connection, digests: Iterable[bytes]) -> dict[bytes, int]:
    """The numbers of the links that are these chunks."""
    found: dict[bytes, int] = {}
    if connection.execute("SELECT 1 FROM wholes LIMIT 1").fetchone() is None:
        return found
    for row, wanted in _rows_of(connection, sorted(digests)):
        if row is not None and len(wanted) > _FEW:
            found.update(_page(*row).find(wanted))
        elif row is not None:
            found.update(_searched(row, wanted))
    return found


def _searched(row: PageRow, digests: list[bytes]) -> dict[bytes, int]:
    """As ``_Page.find`` for a few, without making the page's digests and numbers."""
    _, packed, tails, numbers = row
    (heads,) = unpack_columns(packed, 1)
    count = len(heads)
    found = {}
    for digest in digests:
        head = int.from_bytes(digest[:_HEAD], "big")
        for place in range(bisect_left(heads, head), bisect_right(heads, head)):
            if tails[place::count] == digest[_HEAD:]:
                offset = int.from_bytes(numbers[_LOWEST.size + place :: count], "little")
                found[digest] = _LOWEST.unpack_from(numbers)[0] + offset
    return found


def find(connection: sqlite3.Connection, digests: Iterable[bytes]) -> dict[bytes, Whole]:
    """The linked files that are these chunks."""
    numbers = numbers_of(connection, digests)
    facts: dict[int, _Facts] = {}
    for folder in {number // _FOLDER for number in numbers.values()}:
        facts.update(_facts(connection, folder))
    return {digest: Whole(digest, number, *facts[number]) for digest, number in numbers.items()}


def every(connection: sqlite3.Connection) -> Iterator[Whole]:
    """All of them, by number. All is read at once, into 64 bytes each; none is made before its turn."""
    ids, numbers = bytearray(), array("q")
    for row in connection.execute("SELECT first, heads, tails, numbers FROM wholes"):
        page = _page(*row)
        ids += page.ids
        numbers.extend(page.numbers)
    facts = array("q")
    for (folder,) in connection.execute("SELECT folder FROM whole_facts ORDER BY folder"):
        for number, found in _facts(connection, folder).items():
            facts.extend((number, *found))
    return _each(ids, numbers, facts)


def _each(ids: bytearray, numbers: array[int], facts: array[int]) -> Iterator[Whole]:
    order = iter(sorted(range(len(numbers)), key=numbers.__getitem__))
    for at in range(0, len(facts), 4):
        number, size, mtime_us, added = facts[at : at + 4]
        place = next(place for place in order if numbers[place] == number)
        digest = bytes(ids[place * _DIGEST : (place + 1) * _DIGEST])
        yield Whole(digest, number, size, mtime_us, added)


def highest(connection: sqlite3.Connection) -> int:
    """No number above this one is in use."""
    (folder,) = connection.execute("SELECT max(folder) FROM whole_facts").fetchone()
    return 0 if folder is None else max(_facts(connection, folder))


def belong_together(connection: sqlite3.Connection, count: int) -> bool:
    """Whether so many are enough, for as many as there are, to pay for writing these again."""
    (pages,) = connection.execute("SELECT count(*) FROM wholes").fetchone()
    return count >= max(_AT_LEAST, int(pages) * _PAGE // _SHARE)


def add(connection: sqlite3.Connection, wholes: Collection[Row]) -> None:
    """Enter files whose digests and numbers are in no row yet."""
    by_digest = {row[0]: row[1] for row in wholes}
    for page, fresh in list(_pages_of(connection, sorted(by_digest))):
        pairs = [(digest, by_digest[digest]) for digest in fresh]
        if page is not None:
            pairs = sorted(pairs + list(zip(page.all(), page.numbers, strict=True)))
            connection.execute("DELETE FROM wholes WHERE first = ?", (page.first,))
        _write_page(connection, pairs)
    rows = sorted(wholes, key=itemgetter(1))
    for folder, some in groupby(rows, _folder_of):
        held = [(number, *facts) for number, facts in _facts(connection, folder).items()]
        _write_facts(connection, folder, sorted(held + [row[1:] for row in some]))


def put_together(connection: sqlite3.Connection) -> None:
    """Take in the rows of linked files that are one chunk each, once there are many."""
    (count,) = connection.execute(
        "SELECT count(*) FROM links WHERE size <= ?", (LARGEST,)
    ).fetchone()
    if not belong_together(connection, count):
        return
    rows = connection.execute(
        "SELECT links.object, links.id, links.size, links.mtime_ns / 1000, chunks.added FROM links"
        " JOIN chunks ON chunks.id = links.object AND chunks.source = -links.id"
        " WHERE chunks.size = links.size AND links.size <= ?",
        (LARGEST,),
    )
    wholes = [Whole(*row) for row in rows]
    twice = numbers_of(connection, (whole.id for whole in wholes))
    wholes = [whole for whole in wholes if whole.id not in twice]
    connection.executemany("DELETE FROM chunks WHERE id = ?", [(one.id,) for one in wholes])
    connection.executemany("DELETE FROM links WHERE id = ?", [(one.number,) for one in wholes])
    add(connection, wholes)


def take_out(connection: sqlite3.Connection, digests: Iterable[bytes]) -> None:
    """Make rows of these chunks, as far as they are here."""
    taken = find(connection, digests)
    if not taken:
        return
    for page, wanted in list(_pages_of(connection, sorted(taken))):
        if page is not None:
            gone = set(wanted)
            pairs = zip(page.all(), page.numbers, strict=True)
            connection.execute("DELETE FROM wholes WHERE first = ?", (page.first,))
            _write_page(connection, [pair for pair in pairs if pair[0] not in gone])
    numbers = {whole.number for whole in taken.values()}
    for folder in {number // _FOLDER for number in numbers}:
        facts = _facts(connection, folder)
        left = sorted((n, *facts[n]) for n in facts.keys() - numbers)
        _write_facts(connection, folder, left)
    connection.executemany(
        "INSERT OR IGNORE INTO chunks(id, source, offset, stored, size, codec, added)"
        " VALUES(?, ?, 0, ?, ?, 0, ?)",
        [(one.id, -one.number, one.size, one.size, one.added) for one in taken.values()],
    )
    connection.executemany(
        "INSERT INTO links(id, object, size, mtime_ns) VALUES(?, ?, ?, ?)",
        [(one.number, one.id, one.size, one.mtime_us * 1000) for one in taken.values()],
    )


def touch(connection: sqlite3.Connection, digests: Iterable[bytes], now: int) -> None:
    """Date some of them anew."""
    numbers = set(numbers_of(connection, digests).values())
    for folder in {number // _FOLDER for number in numbers}:
        facts = _facts(connection, folder)
        facts.update({n: (*facts[n][:2], now) for n in facts.keys() & numbers})
        _write_facts(connection, folder, sorted((n, *found) for n, found in facts.items()))


def _pages_of(
    connection: sqlite3.Connection, digests: list[bytes]
) -> Iterator[tuple[_Page | None, list[bytes]]]:
    """The pages that these digests, in order, belong to; none where there is no page at all."""
    for row, wanted in _rows_of(connection, digests):
        yield None if row is None else _page(*row), wanted


def _rows_of(
    connection: sqlite3.Connection, digests: list[bytes]
) -> Iterator[tuple[PageRow | None, list[bytes]]]:
    """As ``_pages_of``, before they are made of their rows."""
    start = 0
    while start < len(digests):
        row = connection.execute(
            "SELECT first, heads, tails, numbers FROM wholes WHERE first <= ?"
            " ORDER BY first DESC LIMIT 1",
            (digests[start],),
        ).fetchone()
        # What comes before all pages belongs to the first one.
        row = (
            row
            or connection.execute(
                "SELECT first, heads, tails, numbers FROM wholes ORDER BY first LIMIT 1"
            ).fetchone()
        )
        if row is None:
            yield None, digests[start:]
            return
        (behind,) = connection.execute(
            "SELECT min(first) FROM wholes WHERE first > ?", (row[0],)
        ).fetchone()
        end = len(digests) if behind is None else bisect_left(digests, behind, start)
        yield row, digests[start:end]
        start = end


def _page(first: bytes, heads: bytes, tails: bytes, numbers: bytes) -> _Page:
    (starts,) = unpack_columns(heads, 1)
    count = len(starts)
    raw = struct.pack(f"<{count}q", *starts)
    ids = bytearray(count * _DIGEST)
    for byte in range(_HEAD):
        ids[byte::_DIGEST] = raw[_HEAD - 1 - byte :: _WIDTH]
    for byte in range(_DIGEST - _HEAD):
        ids[_HEAD + byte :: _DIGEST] = tails[byte * count : (byte + 1) * count]
    offsets = bytearray(count * _WIDTH)
    lowest, width = _LOWEST.unpack_from(numbers)[0], (len(numbers) - _LOWEST.size) // count
    for byte in range(width):
        start = _LOWEST.size + byte * count
        offsets[byte::_WIDTH] = numbers[start : start + count]
    found = [lowest + offset for offset in struct.unpack(f"<{count}q", offsets)]
    return _Page(first, bytes(ids), found)


def _write_page(connection: sqlite3.Connection, pairs: list[tuple[bytes, int]]) -> None:
    parts = -(-len(pairs) // _PAGE)
    for part in range(parts):
        some = pairs[part * len(pairs) // parts : (part + 1) * len(pairs) // parts]
        ids = b"".join([digest for digest, _ in some])
        heads = _heads(ids)
        tails = b"".join([ids[byte::_DIGEST] for byte in range(_HEAD, _DIGEST)])
        lowest = min(number for _, number in some)
        raw = struct.pack(f"<{len(some)}q", *[number - lowest for _, number in some])
        columns = [raw[byte::_WIDTH] for byte in range(_WIDTH)]
        while columns and not any(columns[-1]):
            columns.pop()
        connection.execute(
            "INSERT INTO wholes(first, heads, tails, numbers) VALUES(?, ?, ?, ?)",
            (some[0][0], pack_columns([heads]), tails, _LOWEST.pack(lowest) + b"".join(columns)),
        )


def _heads(ids: bytes) -> Sequence[int]:
    """The first bytes of each digest as a number."""
    count = len(ids) // _DIGEST
    raw = bytearray(count * _WIDTH)
    for byte in range(_HEAD):
        raw[_HEAD - 1 - byte :: _WIDTH] = ids[byte::_DIGEST]
    return struct.unpack(f"<{count}q", raw)


def _folder_of(row: Row) -> int:
    return row[1] // _FOLDER


def _facts(connection: sqlite3.Connection, folder: int) -> dict[int, _Facts]:
    row = connection.execute("SELECT facts FROM whole_facts WHERE folder = ?", (folder,)).fetchone()
    if row is None:
        return {}
    numbers, *facts = unpack_columns(row[0], 4)
    return dict(zip(numbers, zip(*facts, strict=True), strict=True))


def _write_facts(
    connection: sqlite3.Connection, folder: int, facts: list[tuple[int, int, int, int]]
) -> None:
    """Replace what is kept of a folder: number, size, time and date of each link, by number."""
    if not facts:
        connection.execute("DELETE FROM whole_facts WHERE folder = ?", (folder,))
        return
    connection.execute(
        "INSERT OR REPLACE INTO whole_facts(folder, facts) VALUES(?, ?)",
        (folder, pack_columns(list(zip(*facts, strict=True)))),
    )
