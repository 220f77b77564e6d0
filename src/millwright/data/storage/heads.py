"""The versions of a dataset as a remote knows them: one document, which many writers change.

Versions are told apart by their ids; numbers are what people call them here. Two workspaces may
both have made a version 3: the one pushed second gets the next free number on the remote, and keeps
its own number at home. Of a version that was rewritten (bytes of it were erased) the latest form
counts; of a tag or branch moved or taken away in two places, the later word. A version whose bytes
retention let go (``dropped_ms``) keeps its row and is not asked for bytes any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from millwright.kernel.errors import Corrupt

FORMAT = 1
Row = dict[str, Any]
"""A version's columns; ``id``, ``version`` and ``digest`` are always there."""


@dataclass(frozen=True)
class Head:
    """All versions of one dataset by id, and its tags and branches by name.

    A name that was taken away has ``removed`` in its row: the memory of it keeps workspaces that
    still have it from bringing it back.
    """

    name: str
    versions: dict[str, Row] = field(default_factory=dict)
    refs: dict[str, Row] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The document; equal heads have equal bytes.

        >>> Head.decoded(Head("a").encoded()) == Head("a")
        True
        """
        content = {
            "format": FORMAT,
            "name": self.name,
            "versions": sorted(self.versions.values(), key=lambda row: row["version"]),
            "refs": {name: row for name, row in sorted(self.refs.items()) if not removed(row)},
        }
        gone = {name: row for name, row in sorted(self.refs.items()) if removed(row)}
        if gone:
            # Apart, where an earlier Millwright does not take them for names.
            content["removed"] = gone
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def decoded(cls, content: bytes) -> Head:
        """The inverse of ``encoded``; ``Corrupt`` where the bytes are no such document."""
        try:
            raw = json.loads(content)
            if raw["format"] != FORMAT:
                raise ValueError(f"its format is {raw['format']}")
            names = raw["refs"] | raw.get("removed", {})
            return cls(raw["name"], {row["id"]: row for row in raw["versions"]}, names)
        except (ValueError, KeyError, TypeError) as cause:
            raise Corrupt(
                "remote.head",
                f"The versions on the remote cannot be read: {cause}.",
                hint="Is it a later Millwright's? Upgrade and try again.",
            ) from cause


def removed(ref: Mapping[str, Any]) -> bool:
    """Whether a row of a tag or branch says that it was taken away."""
    return bool(ref.get("removed"))


def merged(there: Head, versions: Iterable[Row], refs: Mapping[str, Row]) -> Head:
    """What a remote's head becomes when these versions and refs are pushed to it."""
    kept = dict(there.versions)
    numbers = {row["version"] for row in kept.values()}
    for row in sorted(versions, key=lambda row: row["version"]):
        known = kept.get(row["id"])
        if known is not None:
            if row.get("rewritten_ms", 0) > known.get("rewritten_ms", 0):
                known = kept[row["id"]] = {**row, "version": known["version"]}
            if row.get("dropped_ms") and not known.get("dropped_ms"):
                kept[row["id"]] = {**known, "dropped_ms": row["dropped_ms"]}
            continue
        number = row["version"] if row["version"] not in numbers else max(numbers) + 1
        numbers.add(number)
        kept[row["id"]] = {**row, "version": number}
    names = dict(there.refs)
    for name, ref in refs.items():
        if name not in names or ref["updated_ms"] > names[name]["updated_ms"]:
            names[name] = dict(ref)
    return Head(there.name, kept, names)
