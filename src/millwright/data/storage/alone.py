"""Being the only one who rewrites what a remote has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from millwright.data.storage.opening import OpenedRemote
from millwright.kernel.errors import Conflict
from millwright.kernel.ids import new_id
from millwright.kernel.locks import exclusive

_HOUR = 3600.0


@contextmanager
def alone_on(opened: OpenedRemote) -> Iterator[None]:
    """Be the only one who rewrites a project's catalogue on a remote.

    A mark that was left by a kill counts for an hour; for the workspace that left it, not at all.

    Raises:
        Conflict: somebody else does so now.
    """
    key = f"{opened.prefix}collecting"
    mine = opened.folder / "collecting"
    with exclusive(
        opened.folder / "collecting.lock", wait=False, busy=_sentence(opened.definition.name)
    ):
        mark = f"{int(time.time())} {new_id()}".encode()
        # What this workspace may have left there: a kill comes between any two of these steps.
        left = mine.read_bytes().splitlines() if mine.exists() else []
        found = opened.remote.get_tagged(key)
        stale = found is not None and (
            found.content in left or int(found.content.split()[0]) < time.time() - _HOUR
        )
        mine.write_bytes(b"\n".join([*left[-9:], mark]))
        if found is not None and stale:
            taken = opened.remote.replace(key, mark, found.tag) is not None
        else:
            taken = found is None and opened.remote.create(key, mark)
        if not taken:
            raise Conflict(
                "remote.collecting",
                _sentence(opened.definition.name),
                hint="Try again when they are done; after a crash of theirs, in an hour.",
            )
        try:
            yield
        finally:
            opened.remote.delete([key])
            mine.unlink(missing_ok=True)


def _sentence(name: str) -> str:
    return f"Somebody else collects garbage or erases on {name}."
