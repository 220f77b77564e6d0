"""Who is behind a request when the server listens on loopback for a single user."""

from __future__ import annotations

from fastapi import Request

from millwright.kernel.access import LOCAL, Actor
from millwright.kernel.store import Store


def single_user(_request: Request, _store: Store) -> Actor:
    """The one local user; only ever used on loopback or in-process."""
    return LOCAL
