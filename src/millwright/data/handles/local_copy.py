"""Versions on this machine: read-only copies in the user's cache folder, by digest."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from millwright.data.trees import Kind, check_path, check_target
from millwright.kernel.door import Door
from millwright.kernel.errors import Corrupt

if TYPE_CHECKING:
    from millwright.data.handles.files import VersionFiles

_AT_ONCE = 16 << 20


def cache_folder() -> Path:
    """Where copies are kept: ``$MILLWRIGHT_CACHE``, or ``millwright`` in the user's cache folder."""
    chosen = os.environ.get("MILLWRIGHT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(chosen) if chosen else Path(base) / "millwright"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def local_file(door: Door, project: str, digest: str, ending: str = "") -> Path:
    """An object as a read-only file; brought over and verified if it is not there yet."""
    target = cache_folder() / f"{digest}{ending}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="tmp-") as folder:
            whole = Path(folder) / "object"
            _download(door, project, digest, whole)
            whole.chmod(0o444)
            whole.replace(target)
    return target


def local_folder(door: Door, project: str, digest: str, files: VersionFiles) -> Path:
    """The files of a version as a folder; brought over and verified if it is not there yet."""
    target = cache_folder() / digest
    if target.exists():
        return target
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix="tmp-"))
    try:
        write_folder(door, project, files, folder)
        folder.chmod(0o755)
        folder.rename(target)
    except OSError:
        # Another process may have brought the same version meanwhile.
        if not target.exists():
            raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def write_folder(door: Door, project: str, files: VersionFiles, folder: Path) -> None:
    """Write a version's files into a folder, each verified and read-only."""
    for path, entry in files.all():
        place = folder / check_path(path).decode()
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == Kind.FOLDER:
            place.mkdir(exist_ok=True)
        elif entry.kind == Kind.LINK:
            link = door.fetch(project, entry.hex).decode()
            place.symlink_to(check_target(path, link))
        elif entry.kind in (Kind.FILE, Kind.EXECUTABLE):
            _download(door, project, entry.hex, place)
            place.chmod(0o555 if entry.kind == Kind.EXECUTABLE else 0o444)


def _download(door: Door, project: str, digest: str, target: Path) -> None:
    hasher, place = blake3(), 0
    with target.open("wb") as file:
        while block := door.fetch_range(project, digest, place, _AT_ONCE):
            hasher.update(block)
            file.write(block)
            place += len(block)
            if len(block) < _AT_ONCE:
                break
    if hasher.hexdigest() != digest:
        raise Corrupt(
            "data.corrupt",
            f"Object {digest[:12]} no longer has the bytes that were written.",
            hint="Restore it from a backup; nothing made of it can be trusted.",
            value=digest,
        )
