"""The ``.dir`` object: DVC's list of what a folder holds.

A JSON list of ``{"md5": …, "relpath": …}`` sorted by ``relpath``, written with ``sort_keys`` and
JSON's default separators and escapes; the folder's name is the MD5 of exactly these bytes with
``.dir`` behind it. Execution bits and empty folders are not in it: DVC forgets them.

Promise: ``parse(render(entries)) == sorted(entries)``, and ``render`` is byte for byte what DVC
writes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from millwright.kernel.errors import Corrupt, InvalidInput

SUFFIX = ".dir"
_MD5 = re.compile(r"[0-9a-f]{32}\Z")
_quoted = json.encoder.encode_basestring_ascii


class Entry(NamedTuple):
    """One file of a folder: its path inside (``/`` between names) and the MD5 of its bytes."""

    relpath: str
    md5: str


def render(entries: Iterable[Entry]) -> bytes:
    """The bytes DVC writes for a folder."""
    quoted = _quoted
    rows = [f'{{"md5": "{md5}", "relpath": {quoted(relpath)}}}' for relpath, md5 in sorted(entries)]
    return ("[" + ", ".join(rows) + "]").encode("ascii")


def name_of(content: bytes) -> str:
    """The name under which DVC keeps a rendered folder."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest() + SUFFIX


def parse(content: bytes, source: str = "a .dir object") -> list[Entry]:
    """The entries of a folder, every path checked to stay inside it.

    Raises:
        Corrupt: the bytes are no ``.dir`` object.
        InvalidInput: an entry leads out of the folder.
    """
    try:
        rows = json.loads(content)
        entries = [_entry(row) for row in rows]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Corrupt(
            "dvc.dir_object",
            f"{source} is not the list of files that DVC writes for a folder.",
            hint="Fetch it again from a remote: `dvc fetch` or `mw-dvc fetch`.",
        ) from error
    for entry in entries:
        check_inside(entry.relpath, source)
    return entries


def _entry(row: dict[str, Any]) -> Entry:
    relpath, md5 = row["relpath"], row["md5"]
    if not isinstance(relpath, str) or not isinstance(md5, str) or not _MD5.match(md5):
        raise ValueError(relpath)
    return Entry(relpath, md5)


def check_inside(relpath: str, source: str) -> None:
    """Refuse a path that is absolute, empty, or climbs out of its folder."""
    if relpath and relpath[0] != "/" and "\x00" not in relpath and "\\" not in relpath:
        if "." not in relpath and "//" not in relpath and relpath[-1] != "/":
            return
        parts = relpath.split("/")
        if not any(part in ("", ".", "..") for part in parts):
            return
    raise InvalidInput(
        "dvc.path",
        f"{source} names the path {relpath[:200]!r}, which does not stay inside its folder.",
        hint="Such an entry is never written; ask whoever made the data where it came from.",
        value=relpath,
    )


def is_dir(name: str | None) -> bool:
    """Whether an object's name is a folder's."""
    return name is not None and name.endswith(SUFFIX)


def is_digest(name: str) -> bool:
    """Whether a text is an MD5, of a file or a folder, and so safe as part of a path."""
    return _MD5.match(name.removesuffix(SUFFIX)) is not None
