"""Folders and sets of parts as one file: the same content always gives the same bytes.

The format is tar with everything that varies set to zero. Reading takes only plain files and
folders whose names stay inside the target, so an archive from anywhere cannot write elsewhere.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from millwright.kernel.errors import Corrupt, InvalidInput


def pack_folder(folder: Path, target: Path) -> None:
    """Write the files of a folder, in order of their names, to one archive.

    Raises:
        InvalidInput: the folder holds something other than files and folders.
    """
    with target.open("wb") as file, _writer(file) as archive:
        for path in sorted(folder.rglob("*"), key=lambda found: found.relative_to(folder).parts):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise InvalidInput(
                    "pipelines.unpackable",
                    f"{path} is neither a file nor a folder and cannot be stored.",
                    hint="Leave links and devices out of a step's output folder.",
                )
            if path.is_dir():
                archive.addfile(_header(name, kind=tarfile.DIRTYPE))
                continue
            with path.open("rb") as content:
                executable = bool(path.stat().st_mode & 0o100)
                archive.addfile(
                    _header(name, size=path.stat().st_size, executable=executable), content
                )


def unpack_folder(content: bytes, target: Path) -> None:
    """Write an archive's files into an empty folder.

    Raises:
        Corrupt: a member would land outside the folder, or is no plain file or folder.
    """
    with _reader(content) as archive:
        for member in archive:
            path = target.joinpath(*_safe_name(member))
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(_content(archive, member))
            path.chmod(0o755 if member.mode & 0o100 else 0o644)


def pack_parts(parts: Mapping[str, bytes]) -> bytes:
    """Named bytes as one archive, in the order given."""
    file = io.BytesIO()
    with _writer(file) as archive:
        for name, content in parts.items():
            archive.addfile(_header(name, size=len(content)), io.BytesIO(content))
    return file.getvalue()


def unpack_parts(content: bytes) -> dict[str, bytes]:
    """The inverse of ``pack_parts``."""
    with _reader(content) as archive:
        return {member.name: _content(archive, member) for member in _plain(archive)}


def _writer(file: BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)


def _reader(content: bytes) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=io.BytesIO(content), mode="r:")
    except tarfile.TarError as cause:
        raise Corrupt("pipelines.bad_archive", "A stored folder cannot be read.") from cause


def _header(
    name: str, *, size: int = 0, executable: bool = False, kind: bytes = tarfile.REGTYPE
) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.type = size, kind
    header.mode = 0o755 if executable or kind == tarfile.DIRTYPE else 0o644
    return header


def _plain(archive: tarfile.TarFile) -> Iterable[tarfile.TarInfo]:
    return (member for member in archive if member.isfile())


def _safe_name(member: tarfile.TarInfo) -> tuple[str, ...]:
    name = PurePosixPath(member.name)
    inside = not name.is_absolute() and ".." not in name.parts and "\\" not in member.name
    if not inside or not name.parts or not (member.isfile() or member.isdir()):
        raise Corrupt(
            "pipelines.unsafe_archive",
            f"A stored folder holds the entry {member.name!r}, which is not a plain file inside it.",
        )
    return name.parts


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return b"" if file is None else file.read()
