"""``mw data unprotect``: kept files as private copies that may be written to."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from millwright.data.working.index import Tracked, WorkingIndex
from millwright.data.working.place import Place
from millwright.data.working.scanning import look_at
from millwright.kernel.errors import NotFound


def unprotect(place: Place, index: WorkingIndex, path: Path) -> int:
    """Make a file, or all files below a folder, writable; how many that were.

    Raises:
        NotFound: there is no such file or folder.
    """
    if not path.exists():
        raise NotFound("data.no_file", f"There is nothing at '{path}'.", value=str(path))
    target = Path(os.path.abspath(path))  # noqa: PTH100 - links in the path are kept as they are.
    tracked = [(each, index.signatures(each.id)) for each in index.tracked()]
    made: dict[int, dict[str, bytes | None]] = {}
    count = 0
    for file in _files(target):
        clean = _clean(place, tracked, file)
        place.objects.unprotect(file)
        count += 1
        sign = look_at(file)
        if clean is not None and sign is not None:
            made.setdefault(clean[0].id, {})[clean[1]] = sign
    for dataset, signs in made.items():
        with index.writing():
            index.sign(dataset, signs)
    return count


def _files(target: Path) -> Iterator[Path]:
    if not target.is_dir():
        yield target
        return
    for folder, _, names in os.walk(target):
        for name in names:
            file = Path(folder) / name
            if stat.S_ISREG(file.lstat().st_mode):
                yield file


def _clean(
    place: Place, tracked: list[tuple[Tracked, dict[str, bytes]]], file: Path
) -> tuple[Tracked, str] | None:
    """Which dataset's path a file is, if it is as that has it: then it will be afterwards too."""
    for each, known in tracked:
        base = each.base(place.root)
        if file.is_relative_to(base):
            path = file.relative_to(base).as_posix()
            if path in known and known[path] == look_at(file):
                return each, path
    return None
