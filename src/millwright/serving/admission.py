"""Who may ask: tokens and keys of callers, and the token of who may change what is served."""

from __future__ import annotations

import hmac
import importlib
import time
from typing import TYPE_CHECKING

from millwright.kernel.errors import Unauthenticated
from millwright.kernel.serving_config import ServingConfig
from millwright.serving.keys import Keys
from millwright.serving.replies import admin_closed

if TYPE_CHECKING:
    from millwright.serving.oidc.issuer import Issuer

_ADMIN = ("/admin/", "/v2/repository/models/")


class Admission:
    """The door of one server."""

    def __init__(
        self, config: ServingConfig, *, admin_token: str | None, access_token: str | None
    ) -> None:
        """Let in who has a key, a token of the issuer or the access token; with none, everybody.

        Args:
            config: says which keys, and whose tokens.
            admin_token: what changes of the configuration ask for; None closes them.
            access_token: what every path but health asks for; None asks for nothing.
        """
        self._admin_token = admin_token
        self._expected = None if access_token is None else _bearer(access_token)
        self._issuer: Issuer | None = None
        self.take(config)

    def take(self, config: ServingConfig) -> None:
        """Know the keys and the issuer of this configuration from now on."""
        self._keys = Keys(config.keys, time.monotonic) if config.keys else None
        if config.oidc is None:
            self._issuer = None
        elif self._issuer is None or self._issuer.config != config.oidc:
            # Only who has an issuer loads what checks signatures.
            self._issuer = importlib.import_module("millwright.serving.oidc.issuer").Issuer(
                config.oidc
            )
        closed = (self._expected, self._keys, self._issuer)
        self.is_closed = any(one is not None for one in closed)

    def asks(self, path: str) -> bool:
        """Whether a request for this path has to show a token or key.

        What changes the server asks for the admin token, in the same header.
        """
        return self.is_closed and "/health/" not in path and not path.startswith(_ADMIN)

    async def check_access(self, authorization: str | None) -> int | None:
        """Raise where the server asks for a token or key and this header does not hold it.

        Returns the largest body in bytes that its owner may send, where that is less than others'.

        Raises:
            Unauthenticated: it does not. Busy: its owner asks more than it may. Unavailable: the
                keys of the issuer, which its token is checked with, cannot be fetched.
        """
        if self._expected is not None and _is_token(authorization, self._expected):
            return None
        if self._issuer is not None:
            scheme, _, token = (authorization or "").partition(" ")
            is_key = self._keys is not None and self._keys.knows(authorization)
            if not is_key and scheme.lower() == "bearer" and token.count(".") == 2:
                await self._issuer.check(token.strip())
                return None
        if self._keys is not None:
            return self._keys.check(authorization).max_body_bytes
        if self.is_closed:
            raise _no_token()
        return None

    def check_admin(self, authorization: str | None) -> None:
        """Raise where this header does not allow changing what is served.

        Raises:
            Forbidden: nobody may. Unauthenticated: it does not hold the token.
        """
        if self._admin_token is None:
            raise admin_closed()
        _check_token(authorization, _bearer(self._admin_token))


def _bearer(token: str) -> bytes:
    return b"Bearer " + token.encode()


def _is_token(authorization: str | None, expected: bytes) -> bool:
    given = (authorization or "").encode("latin-1", "replace")
    return hmac.compare_digest(given, expected)


def _check_token(authorization: str | None, expected: bytes) -> None:
    if not _is_token(authorization, expected):
        raise _no_token()


def _no_token() -> Unauthenticated:
    return Unauthenticated(
        "serving.token",
        "This needs a token, and the one given is not it.",
        hint="Send the header: Authorization: Bearer TOKEN",
    )
