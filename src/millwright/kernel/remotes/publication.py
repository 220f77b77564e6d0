"""A store that can be read by plain HTTP: a list of its objects, kept as one of them.

Whoever reads by HTTP can ask for an object and for no list, so writers keep one in ``published.json``
of every store that was published. A writer that lists while another writes would tell too little,
hence each looks again after it wrote, and writes once more where there is something new.
"""

from __future__ import annotations

import json
from typing import Final

from millwright.kernel.errors import Corrupt
from millwright.kernel.remotes.interface import Remote, RemoteEntry

PUBLISHED: Final = "published.json"
FORMAT: Final = 1


def publish(remote: Remote) -> int:
    """Write the list of a store's objects into it; how many there are."""
    while True:
        entries = _entries(remote)
        remote.put(PUBLISHED, _encoded(entries))
        if {entry.key for entry in _entries(remote)} == {entry.key for entry in entries}:
            return len(entries)


def renew(remote: Remote) -> None:
    """Write the list again, if the store is published."""
    if remote.get(PUBLISHED) is not None:
        publish(remote)


def entries_of(content: bytes) -> list[RemoteEntry]:
    """What a list says.

    Raises:
        Corrupt: it is none, or a later Millwright's.
    """
    try:
        raw = json.loads(content)
        if raw["format"] != FORMAT:
            raise ValueError(f"its format is {raw['format']}")
        return [RemoteEntry(str(k), int(size), float(when)) for k, size, when in raw["objects"]]
    except (ValueError, KeyError, TypeError) as cause:
        raise Corrupt(
            "remote.listing",
            f"The list of the published remote cannot be read: {cause}.",
            hint="Where it is written, write it again with: mw data remote publish NAME",
        ) from cause


def _entries(remote: Remote) -> list[RemoteEntry]:
    found = (entry for entry in remote.list("") if entry.key != PUBLISHED)
    return sorted(found, key=lambda entry: entry.key)


def _encoded(entries: list[RemoteEntry]) -> bytes:
    objects = [[entry.key, entry.size, round(entry.modified, 3)] for entry in entries]
    return json.dumps({"format": FORMAT, "objects": objects}, separators=(",", ":")).encode()
