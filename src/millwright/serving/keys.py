"""Keys of callers, and how much each may ask."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from millwright.kernel.errors import Unauthenticated
from millwright.kernel.serving_config import ApiKey
from millwright.serving.replies import Busy


class TokenBucket:
    """Allows ``per_second`` on average, and a second's worth at once.

    >>> bucket = TokenBucket(2.0, now=0.0)
    >>> [bucket.take(0.0), bucket.take(0.0), bucket.take(0.0), bucket.take(0.5)]
    [True, True, False, True]
    """

    def __init__(self, per_second: float, now: float) -> None:
        self._rate = per_second
        self._most = max(1.0, per_second)
        self._left = self._most
        self._since = now

    def take(self, now: float) -> bool:
        """Whether one more is allowed at ``now`` (seconds of any steady clock)."""
        self._left = min(self._most, self._left + (now - self._since) * self._rate)
        self._since = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Keys:
    """The keys that a server takes. Only their digests are known here."""

    def __init__(self, keys: Sequence[ApiKey], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known = {
            key.sha256: (
                key,
                None if key.per_second is None else TokenBucket(key.per_second, clock()),
            )
            for key in keys
        }

    def knows(self, authorization: str | None) -> bool:
        """Whether such a header holds one of them."""
        return self._found(authorization) is not None

    def _found(self, authorization: str | None) -> tuple[ApiKey, TokenBucket | None] | None:
        scheme, _, key = (authorization or "").partition(" ")
        digest = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
        return self._known.get(digest) if scheme == "Bearer" else None

    def check(self, authorization: str | None) -> ApiKey:
        """The key in an ``Authorization: Bearer`` header.

        Raises:
            Unauthenticated: it holds none of the keys.
            Busy: its owner asks more than it may.
        """
        found = self._found(authorization)
        if found is None:
            raise Unauthenticated(
                "serving.key",
                "This needs a key, and the one given is not known.",
                hint="Send the header: Authorization: Bearer KEY",
            )
        known, bucket = found
        if bucket is not None and not bucket.take(self._clock()):
            raise Busy(
                "serving.rate",
                f"The key '{known.name}' asks more often than it may.",
                hint="Ask again in a second.",
            )
        return known
