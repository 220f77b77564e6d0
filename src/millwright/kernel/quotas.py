"""What a project may use of an installation, and the refusal when it would be more.

Limits stand in the project's configuration as it was last recorded. What is used is looked at no more
than every few seconds, so a burst may pass a limit by what fits into that time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection

from millwright.kernel.config import QuotasConfig, parse_project
from millwright.kernel.config_types import size_of
from millwright.kernel.errors import MillwrightError, TooLarge
from millwright.kernel.plain_sql import first
from millwright.kernel.store import Store

_SECONDS = 5.0
_DIGEST = "SELECT config_digest FROM projects WHERE name = ?"
_NONE = QuotasConfig()
_limits: dict[tuple[str, str], tuple[str, QuotasConfig]] = {}
_used: dict[tuple[str, str, str], tuple[float, int]] = {}
_lock = threading.Lock()


def require_room(store: Store, project: str, fresh: int = 0) -> None:
    """Refuse bytes that a project's quota has no room for.

    Args:
        store: where they would go.
        project: whose they would be.
        fresh: how many, where that is known before.

    Raises:
        TooLarge: they would be more than the quota ``bytes`` allows.
    """
    with store.read() as connection:
        limit = limits_of(store, connection, project).bytes
    if limit is None:
        return
    most = size_of(limit)
    used = _looked(store, project, "bytes", lambda: stored_bytes(store, project))
    if used + fresh > most:
        raise TooLarge(
            "quota.bytes",
            f"The project '{project}' has stored {used / 1e6:,.1f} MB, and its quota 'bytes' is "
            f"{limit}.",
            hint="Delete and purge runs, run mw data gc, or raise quotas.bytes in millwright.yaml.",
            value=limit,
        )


def require_run(
    store: Store, connection: Connection, project: str, count: Callable[[], int]
) -> None:
    """Refuse a run that a project's quota has no room for; ``count`` tells how many there are.

    Raises:
        TooLarge: there are as many as the quota ``runs`` allows.
    """
    limit = limits_of(store, connection, project).runs
    if limit is None:
        return
    used = count()
    if used >= limit:
        raise TooLarge(
            "quota.runs",
            f"The project '{project}' has {used:,} runs, and its quota 'runs' is {limit:,}.",
            hint="Purge deleted runs (mw runs purge), or raise quotas.runs in millwright.yaml.",
            value=limit,
        )


def limits_of(store: Store, connection: Connection, project: str) -> QuotasConfig:
    """The quotas in a project's recorded configuration; none where it has none."""
    digest = first(connection, _as_is, _DIGEST, project)
    if digest is None:
        return _NONE
    key = (store.database.url, project)
    known = _limits.get(key)
    if known is None or known[0] != digest:
        known = _limits[key] = digest, _parsed(store, project, digest)
    return known[1]


def stored_bytes(store: Store, project: str) -> int:
    """How many bytes a project's packs take."""
    return sum(pack.size for pack in store.objects.of(project).packs())


def _as_is(digest: str | None) -> str | None:
    return digest


def _parsed(store: Store, project: str, digest: str) -> QuotasConfig:
    try:
        return parse_project(store.objects.of(project).read(digest).decode()).quotas
    except MillwrightError:
        # A configuration that cannot be read any more limits nothing.
        return QuotasConfig()


def _looked(store: Store, project: str, what: str, look: Callable[[], int]) -> int:
    key, now = (str(store.workspace.state), project, what), time.monotonic()
    with _lock:
        seen = _used.get(key)
    if seen is not None and now - seen[0] < _SECONDS:
        return seen[1]
    found = look()
    with _lock:
        _used[key] = (now, found)
    return found
