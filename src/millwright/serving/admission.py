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
    """The door of one server.

    Attributes:
        is_closed: whether it asks for anything at all.
        issuer: whose tokens are taken; None where nobody's are.
    """

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
        self.issuer: Issuer | None = None
        self.take(config)

    def take(self, config: ServingConfig) -> None:
        """Know the keys and the issuer of this configuration from now on."""
        self._keys = Keys(config.keys, time.monotonic) if config.keys else None
        if config.oidc is None:
            self.issuer = None
        elif self.issuer is None or self.issuer.config != config.oidc:
            # Only who has an issuer loads what checks signatures.
            self.issuer = importlib.import_module("millwright.serving.oidc.issuer").Issuer(
                config.oidc
            )
        closed = (self._expected, self._keys, self.issuer)
        self.is_closed = any(one is not None for one in closed)

    def asks(self, path: str) -> bool:
        """Whether a request for this path has to show a token or key.

        What changes the server asks for the admin token, in the same header.
        """
        return self.is_closed and "/health/" not in path and not path.startswith(_ADMIN)

    async def admit(self, authorization: str | None) -> int | None:
        """As ``check_access``, for a door that takes tokens of an issuer too.

        Raises:
            Unavailable: the keys of the issuer, which a token is checked with, cannot be fetched.
        """
        if self.issuer is not None and not self._is_known(authorization):
            scheme, _, token = (authorization or "").partition(" ")
            if scheme.lower() == "bearer" and token.count(".") == 2:
                await self.issuer.check(token.strip())
                return None
        return self.check_access(authorization)

    def check_access(self, authorization: str | None) -> int | None:
        """Raise where the server asks for a token or key and this header does not hold it.

        Returns the largest body in bytes that its owner may send, where that is less than others'.

        Raises:
            Unauthenticated: it does not. Busy: its owner asks more than it may.
        """
        if self._expected is not None and _is_token(authorization, self._expected):
            return None
        if self._keys is not None:
            return self._keys.check(authorization).max_body_bytes
        if self.is_closed:
            raise _no_token()
        return None

    def _is_known(self, authorization: str | None) -> bool:
        is_token = self._expected is not None and _is_token(authorization, self._expected)
        return is_token or (self._keys is not None and self._keys.knows(authorization))

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
