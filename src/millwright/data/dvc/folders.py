"""Reading a tracked file or folder as it stands: its files, their digests, its ``.dir`` name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from millwright.data.dvc import ignore
from millwright.data.dvc.dir_objects import Entry, name_of, render
from millwright.data.dvc.hashing import md5_of_file
from millwright.data.dvc.memory import Memory, Seen
from millwright.kernel.errors import InvalidInput


class Found(NamedTuple):
    """A tracked path as it stands.

    Attributes:
        md5: its digest, ``….dir`` for a folder.
        size: bytes, of all files together.
        nfiles: files of a folder, None for a file.
        isexec: whether a file may be executed.
        files: what every file is, by path inside ("" for a single file).
        content: a folder's ``.dir`` bytes, None for a file.
    """

    md5: str
    size: int
    nfiles: int | None
    isexec: bool
    files: dict[str, Seen]
    content: bytes | None


def look(path: str, output: str, kind: str, memory: Memory, rules: ignore.Rules) -> Found | None:
    """A tracked path as it stands, unchanged files not read again; None where there is nothing.

    Args:
        path: where it is on disk.
        output: the same relative to the repository's root; names it in memory and for ``rules``.
        kind: the hash name, ``md5`` or ``md5-dos2unix``.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    known = memory.recall(output, kind)
    if not stat.S_ISDIR(status.st_mode):
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput("dvc.kind", f"{output} is neither a file nor a folder.")
        seen = {"": _digest(path, status, known.get(""), kind)}
        content = None
    else:
        seen = {
            inside: _digest(f"{path}/{inside}", one, known.get(inside), kind)
            for inside, one in files_below(path, output, rules)
        }
        content = render(Entry(inside, one.md5) for inside, one in seen.items())
    if seen != known:
        memory.keep(output, kind, seen)
    size = sum(one.size for one in seen.values())
    if content is None:
        executable = bool(status.st_mode & stat.S_IXUSR)
        return Found(seen[""].md5, size, None, executable, seen, None)
    return Found(name_of(content), size, len(seen), False, seen, content)


def _digest(path: str, status: os.stat_result, known: Seen | None, kind: str) -> Seen:
    mtime, size, inode = status.st_mtime_ns, status.st_size, status.st_ino
    if known is not None and known[:3] == (mtime, size, inode):
        return known
    return Seen(mtime, size, inode, md5_of_file(path, kind, size))


def files_below(top: str, output: str, rules: ignore.Rules) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below a folder by its path inside, links followed, ignored ones left out.

    Raises:
        InvalidInput: a link leads nowhere, or folders link in a circle.
    """
    pending = [("", 0)]
    always, simple = ignore.ALWAYS, rules.empty
    while pending:
        folder, depth = pending.pop()
        if depth > 200:
            raise InvalidInput("dvc.link", f"The links below {output} lead in a circle.")
        with os.scandir(f"{top}/{folder}" if folder else top) as entries:
            for entry in entries:
                name = entry.name
                inside = f"{folder}/{name}" if folder else name
                is_dir = entry.is_dir()
                if name in always:
                    continue
                if not simple and rules.ignores(f"{output}/{inside}", name, is_dir):
                    continue
                if is_dir:
                    pending.append((inside, depth + 1))
                    continue
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    raise InvalidInput(
                        "dvc.link",
                        f"{output}/{inside} is a link to nothing.",
                        hint="Remove the link or bring back what it points to.",
                    ) from None
                if stat.S_ISREG(status.st_mode):
                    yield inside, status
