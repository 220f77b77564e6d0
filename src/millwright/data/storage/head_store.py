"""Where the heads of datasets are: in the remote, by compare-and-set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from millwright.data.storage.heads import Head
from millwright.kernel.remotes import Remote, Tagged, heads

Merge = Callable[[bytes | None], bytes | None]


class HeadStore(Protocol):
    """The documents of one project's datasets, each changed by compare-and-set."""

    def get(self, name: str) -> Tagged | None:
        """A dataset's document; None if there is none."""

    def update(self, name: str, merge: Merge) -> Tagged | None:
        """As ``kernel.remotes.heads.update``."""

    def all(self) -> list[Head]:
        """Every dataset's head."""


class RemoteHeads:
    """Heads as objects of the remote itself."""

    def __init__(self, remote: Remote, prefix: str) -> None:
        self._remote = remote
        self._folder = f"{prefix}heads/"

    def get(self, name: str) -> Tagged | None:
        return self._remote.get_tagged(f"{self._folder}{name}")

    def update(self, name: str, merge: Merge) -> Tagged | None:
        return heads.update(self._remote, f"{self._folder}{name}", merge)

    def all(self) -> list[Head]:
        found = [self._remote.get(entry.key) for entry in self._remote.list(self._folder)]
        return sorted(
            (Head.decoded(content) for content in found if content is not None),
            key=lambda head: head.name,
        )
