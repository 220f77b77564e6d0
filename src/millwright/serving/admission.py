"""Who may ask: tokens and keys of callers, and the token of who may change what is served."""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence

from millwright.kernel.errors import Unauthenticated
from millwright.kernel.serving_config import ApiKey
from millwright.serving.keys import Keys
from millwright.serving.replies import admin_closed

_ADMIN = ("/admin/", "/v2/repository/models/")


class Admission:
    """The door of one server."""

    def __init__(
        self, keys: Sequence[ApiKey], *, admin_token: str | None, access_token: str | None
    ) -> None:
        """Let in who has one of the keys or the access token; with neither, everybody.

        Args:
            keys: of callers.
            admin_token: what changes of the configuration ask for; None closes them.
            access_token: what every path but health asks for; None asks for nothing.
        """
        self._admin_token = admin_token
        self._expected = None if access_token is None else _bearer(access_token)
        self.take_keys(keys)

    def take_keys(self, keys: Sequence[ApiKey]) -> None:
        """Know these keys from now on."""
        self._keys = Keys(keys, time.monotonic) if keys else None
        self.is_closed = self._expected is not None or self._keys is not None

    def asks(self, path: str) -> bool:
        """Whether a request for this path has to show a token or key.

        What changes the server asks for the admin token, in the same header.
        """
        return self.is_closed and "/health/" not in path and not path.startswith(_ADMIN)

    def check_access(self, authorization: str | None) -> None:
        """Raise where the server asks for a token or key and this header does not hold it.

        Raises:
            Unauthenticated: it does not. Busy: the key's owner asks more than it may.
        """
        if self._keys is not None and (
            self._expected is None or not _is_token(authorization, self._expected)
        ):
            self._keys.check(authorization)
        elif self._expected is not None:
            _check_token(authorization, self._expected)

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
        raise Unauthenticated(
            "serving.token",
            "This needs a token, and the one given is not it.",
            hint="Send the header: Authorization: Bearer TOKEN",
        )
