"""Signatures by path, a few hundred to a row: names one after the other, numbers in columns.

A row of SQLite for each path took a hundred bytes and a tenth of the time of adding a small file; here it
is about six bytes. Every function works inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping

from millwright.data.trees import Kind
from millwright.data.working.scanning import EMPTY_FOLDER, NANOSECONDS, SIGNATURE, UNKNOWN
from millwright.kernel.columns import pack_columns, unpack_columns

NOT_THERE = SIGNATURE.pack(0, 0, 0, 0, 1)
"""In place of the signature of what was erased: nothing should be at the path."""

_PAGE = 512
_COLUMNS = 5


def signatures(connection: sqlite3.Connection, dataset: int) -> dict[str, bytes]:
    """The signature of each path, but of what was erased."""
    found: dict[str, bytes] = {}
    for page in each(connection, dataset):
        found.update(page)
    return found


def each(connection: sqlite3.Connection, dataset: int) -> Iterator[dict[str, bytes]]:
    """As ``signatures``, a page at a time: all of a million paths are some hundred megabytes."""
    query = "SELECT names, signatures FROM pages WHERE dataset = ?"
    for row in connection.execute(query, (dataset,)):
        held = _read(*row)
        if NOT_THERE in held.values():
            held = {path: sign for path, sign in held.items() if sign != NOT_THERE}
        yield held


def signatures_of(
    connection: sqlite3.Connection, dataset: int, paths: Iterable[str]
) -> dict[str, bytes]:
    """The signatures of some paths."""
    found: dict[str, bytes] = {}
    for first, some in _by_page(connection, dataset, paths).items():
        held = _held(connection, dataset, first)
        found.update({path: held[path] for path in some if path in held})
    return found


def sign(connection: sqlite3.Connection, dataset: int, signs: Mapping[str, bytes | None]) -> None:
    """Set the signatures of paths; None drops a path."""
    for first, some in _by_page(connection, dataset, signs).items():
        held = _held(connection, dataset, first)
        count = len(held)
        held.update({path: sign for path in some if (sign := signs[path]) is not None})
        if len(held) == count and None not in [signs[path] for path in some]:
            # Mostly the names stay, which are in order then.
            connection.execute(
                "UPDATE pages SET signatures = ? WHERE dataset = ? AND first = ?",
                (_packed(held.values()), dataset, first),
            )
            continue
        for path in some:
            if signs[path] is None:
                held.pop(path, None)
        connection.execute("DELETE FROM pages WHERE dataset = ? AND first = ?", (dataset, first))
        _write(connection, dataset, held)


def of_version_1(sign: bytes, kind: int) -> bytes:
    """What an earlier Millwright wrote as a signature, as it is written now."""
    if kind == Kind.ERASED:
        return NOT_THERE
    if len(sign) != SIGNATURE.size:
        return EMPTY_FOLDER if sign == b"folder" else UNKNOWN
    modified, changed, *rest = SIGNATURE.unpack(sign)
    return SIGNATURE.pack(modified // NANOSECONDS, changed // NANOSECONDS, *rest)


def _by_page(
    connection: sqlite3.Connection, dataset: int, paths: Iterable[str]
) -> dict[str, list[str]]:
    """Paths by the first path of the page that they belong to."""
    query = "SELECT first FROM pages WHERE dataset = ? ORDER BY first"
    firsts = [row[0] for row in connection.execute(query, (dataset,))]
    if not firsts:
        return {"": list(paths)}
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(firsts[max(bisect_right(firsts, path) - 1, 0)], []).append(path)
    return found


def _held(connection: sqlite3.Connection, dataset: int, first: str) -> dict[str, bytes]:
    row = connection.execute(
        "SELECT names, signatures FROM pages WHERE dataset = ? AND first = ?", (dataset, first)
    ).fetchone()
    return {} if row is None else _read(*row)


def _read(names: bytes, signatures: bytes) -> dict[str, bytes]:
    paths = zlib.decompress(names).decode().split("\0")
    signs = map(SIGNATURE.pack, *unpack_columns(signatures, _COLUMNS))
    return dict(zip(paths, signs, strict=True))


def _write(connection: sqlite3.Connection, dataset: int, held: dict[str, bytes]) -> None:
    paths = sorted(held)
    parts = -(-len(paths) // _PAGE)
    for part in range(parts):
        some = paths[part * len(paths) // parts : (part + 1) * len(paths) // parts]
        signs = _packed([held[path] for path in some])
        connection.execute(
            "INSERT INTO pages(dataset, first, names, signatures) VALUES(?, ?, ?, ?)",
            (dataset, some[0], zlib.compress("\0".join(some).encode()), signs),
        )


def _packed(signs: Iterable[bytes]) -> bytes:
    return pack_columns(list(zip(*SIGNATURE.iter_unpack(b"".join(signs)), strict=True)))
