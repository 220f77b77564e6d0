"""What files were when they were last hashed, so that unchanged ones are not read again.

One small JSON file per tracked output, under ``.dvc/tmp/mw-dvc`` (which git ignores). A digest is
trusted while the file's size, inode and modification time are those remembered; times too fresh
to tell a second write from the first are not remembered at all. Losing the memory costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import NamedTuple

_TOO_FRESH = 20_000_000
"""Nanoseconds: file systems stamp with the kernel's tick, at most 10 ms long."""


class Seen(NamedTuple):
    """A file as it was found: modification time (ns), size (bytes), inode, MD5."""

    mtime: int
    size: int
    inode: int
    md5: str


class Memory:
    """Where an output's files are remembered."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def _place(self, output: str, kind: str) -> str:
        key = hashlib.md5(f"{kind}:{output}".encode(), usedforsecurity=False).hexdigest()
        return f"{self._folder}/{key}.json"

    def recall(self, output: str, kind: str) -> dict[str, Seen]:
        """What is remembered of an output's files, by path inside it ("" for a single file)."""
        try:
            with open(self._place(output, kind), "rb") as file:
                kept = json.loads(file.read())
            if kept["output"] != output:
                return {}
            columns = zip(kept["mtimes"], kept["sizes"], kept["inodes"], kept["md5s"], strict=True)
            return dict(zip(kept["paths"], map(Seen._make, columns), strict=True))
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def keep(self, output: str, kind: str, seen: dict[str, Seen]) -> None:
        """Remember an output's files instead of what was remembered of it."""
        limit = time.time_ns() - _TOO_FRESH
        sure = {path: one for path, one in seen.items() if one.mtime < limit}
        columns = list(zip(*sure.values(), strict=True)) or [(), (), (), ()]
        kept = {
            "output": output,
            "paths": list(sure),
            "mtimes": columns[0],
            "sizes": columns[1],
            "inodes": columns[2],
            "md5s": columns[3],
        }
        place = self._place(output, kind)
        temporary = f"{place}.{os.getpid()}"
        try:
            os.makedirs(self._folder, exist_ok=True)
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(json.dumps(kept))
            os.replace(temporary, place)
        except OSError:
            return  # a folder that cannot be written only costs the next reading
