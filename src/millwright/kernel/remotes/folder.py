"""A folder as a remote: a second disk, a network share.

Files are written to a temporary name, flushed, then linked (create-only) or renamed into place, so
each exists whole or not at all. Compare-and-set holds a lock file that the operating system frees
when its holder dies. A tag is the BLAKE3 of the bytes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Forbidden, InvalidInput, NotFound, Unavailable, disk_full
from millwright.kernel.locks import exclusive
from millwright.kernel.remotes.interface import RemoteEntry, Tagged
from millwright.kernel.remotes.keys import original, stored

_TEMPORARY = "+tmp"
_LOCK = "+lock"
# Neither can be a stored key: ``+`` is always written ``=2B``.


class FolderRemote:
    """``interface.Remote`` in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with self._explained():
            (root / _TEMPORARY).mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        return f"file://{self.root}"

    @property
    def staging(self) -> Path:
        return self.root / _TEMPORARY

    def get(self, key: str) -> bytes | None:
        with self._explained():
            try:
                return self._path(key).read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                return None

    def get_tagged(self, key: str) -> Tagged | None:
        content = self.get(key)
        return None if content is None else Tagged(content, blake3(content).hexdigest())

    def get_range(self, key: str, start: int, length: int) -> bytes:
        with self._opened(key) as handle:
            return os.pread(handle, length, start)

    def download(self, key: str, path: Path) -> int:
        with self._opened(key) as source, self._explained():
            size = os.fstat(source).st_size
            target = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                done = min(os.fstat(target).st_size, size)
                os.ftruncate(target, done)
                os.lseek(target, done, os.SEEK_SET)
                _copy(source, target, done, size)
            except OSError as cause:
                # It is not this folder that is full, but where the copy goes.
                raise disk_full(cause, str(path.parent)) or cause from cause
            finally:
                os.close(target)
        return size

    def put(self, key: str, content: bytes) -> None:
        with self._explained():
            self._place(self._written(content), key)

    def upload(self, key: str, path: Path) -> None:
        with self._explained():
            if path.parent == self.staging:
                _sync(path)
                self._place(path, key)
                return
            temporary = self._name()
            try:
                with path.open("rb") as source, temporary.open("xb") as target:
                    _copy(source.fileno(), target.fileno(), 0, os.fstat(source.fileno()).st_size)
                    os.fsync(target.fileno())
                self._place(temporary, key)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise

    def create(self, key: str, content: bytes) -> bool:
        with self._explained():
            temporary = self._written(content)
            try:
                target = self._path(key)
                _make_folder(target.parent, self.root)
                os.link(temporary, target)
                _sync(target.parent)
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
        return True

    def replace(self, key: str, content: bytes, tag: str | None) -> str | None:
        with self._explained(), exclusive(self.root / _LOCK):
            now = self.get_tagged(key)
            if (None if now is None else now.tag) != tag:
                return None
            self._place(self._written(content), key)
        return blake3(content).hexdigest()

    def list(self, prefix: str) -> Iterator[RemoteEntry]:
        folder = self._path(prefix.rstrip("/")) if prefix.rstrip("/") else self.root
        with self._explained():
            yield from self._walk(folder)

    def delete(self, keys: Iterable[str]) -> None:
        with self._explained():
            for key in keys:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    self._path(key).unlink()

    def tidy(self, before: float) -> int:
        removed = 0
        with self._explained():
            for path in self.staging.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        removed += 1
        return removed

    def _path(self, key: str) -> Path:
        return self.root / stored(key)

    def _walk(self, folder: Path) -> Iterator[RemoteEntry]:
        waiting = [folder]
        while waiting:
            try:
                entries = os.scandir(waiting.pop())
            except (FileNotFoundError, NotADirectoryError):
                continue
            with entries:
                for entry in entries:
                    if entry.name.startswith("+"):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        name = os.path.relpath(entry.path, self.root)
                        yield RemoteEntry(original(name), status.st_size, status.st_mtime)

    def _name(self) -> Path:
        return self.root / _TEMPORARY / uuid.uuid4().hex

    def _written(self, content: bytes) -> Path:
        temporary = self._name()
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary

    def _place(self, temporary: Path, key: str) -> None:
        target = self._path(key)
        try:
            _make_folder(target.parent, self.root)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(target.parent)

    @contextlib.contextmanager
    def _opened(self, key: str) -> Iterator[int]:
        with self._explained():
            try:
                handle = os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError) as cause:
                raise missing(self.address, key) from cause
        try:
            yield handle
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as cause:
            raise Forbidden(
                "remote.denied", f"The folder {self.root} may not be used: {cause.strerror}."
            ) from cause
        except OSError as cause:
            if cause.filename is not None and "File name too long" in str(cause):
                raise InvalidInput("remote.key", "A name is too long for the folder.") from cause
            raise disk_full(cause, str(self.root)) or Unavailable(
                "remote.folder",
                f"The folder {self.root} cannot be used: {cause.strerror or cause}.",
                hint="Is the disk or share mounted?",
            ) from cause


def missing(address: str, key: str) -> NotFound:
    """The error for an object that a remote does not have."""
    return NotFound("remote.no_object", f"{address} has no object '{key}'.", value=key)


def _copy(source: int, target: int, start: int, size: int) -> None:
    """Copy from ``start`` to the end, inside the operating system where it can."""
    os.lseek(source, start, os.SEEK_SET)
    while start < size:
        try:
            copied = os.copy_file_range(source, target, min(size - start, 1 << 26))
        except OSError:
            with os.fdopen(os.dup(source), "rb") as left, os.fdopen(os.dup(target), "wb") as right:
                shutil.copyfileobj(left, right, 1 << 20)
            return
        if not copied:
            return
        start += copied


def _make_folder(folder: Path, root: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent, root)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
