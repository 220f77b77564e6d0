"""Documents that many writers change: read, merge, write only if nobody was faster, else again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from millwright.kernel.errors import Unavailable
from millwright.kernel.remotes.interface import Remote, Tagged

_PATIENCE_SECONDS = 120.0


def update(
    remote: Remote, key: str, merge: Callable[[bytes | None], bytes | None]
) -> Tagged | None:
    """Replace a document by what ``merge`` makes of it; no writer's change is lost.

    ``merge`` takes the present bytes (None: there is no document) and returns the new ones, or None
    where nothing is to change. It may be called several times. Returns the document as it then is.

    Raises:
        Unavailable: others were faster for two minutes on end.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    attempt = 0
    while True:
        now = remote.get_tagged(key)
        wanted = merge(None if now is None else now.content)
        if wanted is None or (now is not None and wanted == now.content):
            return now
        tag = remote.replace(key, wanted, None if now is None else now.tag)
        if tag is not None:
            return Tagged(wanted, tag)
        if time.monotonic() > deadline:
            raise Unavailable(
                "remote.busy",
                f"Others wrote to {remote.address} for two minutes without a pause.",
                hint="Run the same command again.",
            )
        # Waiting a random share of a growing span keeps many writers from meeting again.
        time.sleep(random.uniform(0.0, min(0.01 * 2**attempt, 1.0)))  # noqa: S311
        attempt += 1
