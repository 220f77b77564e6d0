"""Who is behind a request.

Two ways, chosen when the server starts and never mixed up by a header: on loopback the one user of
the machine is let in as ``local`` without a login; on any other address every request brings a
token.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from fastapi import Request

from millwright.kernel.access import LOCAL, Actor
from millwright.kernel.errors import Forbidden, Unauthenticated
from millwright.kernel.routing import Authenticate
from millwright.kernel.store import Store
from millwright.security.service import find_by_secret, has_admin_token

_FORWARDED = frozenset((b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"))


@lru_cache(1024)
def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only.

    A name other than ``localhost`` counts as reachable from elsewhere, whatever it resolves to now.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "box.lan", "")]
    [True, True, True, False, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_authentication(store: Store, host: str) -> None:
    """Refuse to open the server to a network before anybody can be told apart there.

    Raises:
        Forbidden: ``host`` is not loopback and there is no active admin token.
    """
    if is_loopback(host) or has_admin_token(store):
        return
    raise Forbidden(
        "security.no_authentication",
        f"Listening on {host} would let everyone on that network in, because no token exists yet.",
        hint="Make an admin token first, then start again: mw token create --role admin --name NAME",
        value=host,
    )


def authentication_for(store: Store, host: str) -> Authenticate:
    """How a server that listens on ``host`` finds the actor of a request.

    Raises:
        Forbidden: as ``require_authentication``.
    """
    require_authentication(store, host)
    return local_user if is_loopback(host) else token_holder


def token_holder(request: Request, store: Store) -> Actor:
    """The holder of the request's bearer token.

    Raises:
        Unauthenticated: there is none, or it is unknown, revoked or expired.
    """
    secret = _bearer(request)
    if secret is None:
        raise Unauthenticated(
            "security.no_token",
            "This server asks for a token.",
            hint="Set MILLWRIGHT_TOKEN, or send 'Authorization: Bearer TOKEN'. "
            "An admin makes one with: mw token create --role viewer --name NAME",
        )
    token = find_by_secret(store, secret)
    if token is None:
        raise Unauthenticated(
            "security.unknown_token",
            "The server does not know this token.",
            hint="Check that all of it was copied, and that it was made for this server.",
        )
    if not token.active:
        what = "was revoked" if token.revoked_at else "has expired"
        raise Unauthenticated(
            "security.inactive_token",
            f"The token '{token.name}' {what}.",
            hint="Ask an admin for a new one.",
        )
    return Actor(token.name, token.role, tuple(token.projects.items()))


def local_user(request: Request, store: Store) -> Actor:
    """The one user of this machine; or, if the request brings a token, its holder.

    Raises:
        Unauthenticated: the request came from elsewhere: from another address, or through a proxy
            on this machine that would otherwise hand the whole network the rights of its owner.
    """
    # As they came: each look at ``request.headers`` goes through all of them.
    given = {name for name, _ in request.scope["headers"]}
    if b"authorization" in given and _bearer(request) is not None:
        return token_holder(request, store)
    client = request.scope.get("client")
    if (client is not None and not is_loopback(client[0])) or not given.isdisjoint(_FORWARDED):
        raise Unauthenticated(
            "security.not_local",
            "Only requests from this machine itself need no token, and this one was forwarded.",
            hint="Make a token with: mw token create --role viewer --name NAME",
        )
    return LOCAL


def _bearer(request: Request) -> str | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" and secret.strip() else None
