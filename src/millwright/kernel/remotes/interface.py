"""What every remote can do. ``tests/kernel/remotes`` states this contract and runs it on each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """One object in a listing."""

    key: str
    size: int
    modified: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """An object's bytes, and the tag that names this state of it for ``replace``."""

    content: bytes
    tag: str


class Remote(Protocol):
    """Objects by key. Keys are any text; every store sees them in a form that it accepts.

    All methods are safe to call from several threads. A write that returns is durable and visible
    to every reader. Methods raise ``Unavailable`` where the store cannot be reached after patient
    retries, ``Forbidden`` where it refuses the credentials.
    """

    @property
    def address(self) -> str:
        """Where it is, for people: never with a secret."""

    @property
    def staging(self) -> Path | None:
        """A folder in which files for ``upload`` are best written, as they are then only renamed."""

    def get(self, key: str) -> bytes | None:
        """The bytes of an object; None if there is none."""

    def get_tagged(self, key: str) -> Tagged | None:
        """The bytes and their tag, of one and the same state."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """``length`` bytes from ``start`` (fewer at the end); ``NotFound`` if there is no object."""

    def download(self, key: str, path: Path) -> int:
        """Write an object to a file, going on after what the file already holds; its size.

        The caller verifies the bytes: the remote only moves them. ``NotFound`` if there is none.
        """

    def put(self, key: str, content: bytes) -> None:
        """Write an object, over one that is there."""

    def upload(self, key: str, path: Path) -> None:
        """Write an object from a file, in parts where it is large; a file in ``staging`` is moved."""

    def create(self, key: str, content: bytes) -> bool:
        """Write an object only if there is none; False if there is. One of many racers wins."""

    def replace(self, key: str, content: bytes, tag: str | None) -> str | None:
        """Write an object only if its tag is still ``tag`` (None: if there is none).

        Returns the new tag, or None where somebody else was first.
        """

    def list(self, prefix: str) -> Iterator[RemoteEntry]:
        """Every object whose key starts with ``prefix``, which is empty or ends in ``/``."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""

    def tidy(self, before: float) -> int:
        """Remove what writers that were killed left behind before a moment (Unix time).

        Returns how many files that were. Unfinished uploads to a cloud are not seen through this
        interface; a rule of the bucket ends them.
        """
