"""Does the store keep its word? Asked with real writes when a remote is opened first.

Some S3-compatible stores accept conditional writes and ignore the condition; two writers then
overwrite one another in silence. A store that does so is used for packs alone, which never change,
while the heads of datasets live in the database.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from millwright.kernel.remotes.interface import Remote


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which conditional writes a store honours."""

    create_only: bool
    compare_and_set: bool

    @property
    def heads(self) -> bool:
        """Whether the heads of datasets may live in the store."""
        return self.create_only and self.compare_and_set


def probe(remote: Remote) -> Conditions:
    """Write, and see what is refused; leaves nothing behind."""
    key = f"probe/{uuid.uuid4().hex}"
    try:
        return Conditions(
            create_only=_refuses_second_create(remote, key),
            compare_and_set=_refuses_stale_tag(remote, f"{key}.tag"),
        )
    finally:
        remote.delete([key, f"{key}.tag"])


def _refuses_second_create(remote: Remote, key: str) -> bool:
    try:
        return remote.create(key, b"first") and not remote.create(key, b"second")
    except (NotImplementedError, ValueError):
        return False


def _refuses_stale_tag(remote: Remote, key: str) -> bool:
    try:
        first = remote.replace(key, b"first", None)
        if not first:
            return False
        second = remote.replace(key, b"second", first)
        if not second or remote.replace(key, b"third", first) is not None:
            return False
        return remote.get(key) == b"second"
    except (NotImplementedError, ValueError):
        return False
