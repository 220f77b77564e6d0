"""An issuer of tokens: its keys fetched, kept and fetched anew, and the callers it vouches for."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import sys
import time
from collections import OrderedDict
from urllib.parse import urlsplit

from millwright.kernel.egress import allowed_from_environment, fetch
from millwright.kernel.errors import Forbidden, MillwrightError, Unauthenticated, Unavailable
from millwright.kernel.serving_config import OidcConfig
from millwright.serving.keys import TokenBucket
from millwright.serving.oidc.tokens import Caller, PublicKey, UnknownKey, caller_of, keys_of
from millwright.serving.replies import Busy

DISCOVERY = "/.well-known/openid-configuration"
_KEYS_SECONDS = 3600.0
"""Keys are fetched anew after it."""
_AGAIN_SECONDS = 30.0
"""A token with an unknown key, or an issuer that does not answer, is asked about no sooner."""
_BELIEVED_SECONDS = 60.0
"""How long a token that was checked is believed without checking it again."""
_MOST_KEPT = 10_000
_MOST_BYTES = 512 * 1024
_TIMEOUT_SECONDS = 5.0


class Issuer:
    """Checks tokens of one issuer. Used from the event loop's thread."""

    def __init__(self, config: OidcConfig) -> None:
        """Fetch its keys with the first token."""
        self.config = config
        self._keys: list[PublicKey] = []
        self._fetched = self._tried = -_KEYS_SECONDS
        self._fetching = asyncio.Lock()
        self._believed: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    async def check(self, token: str) -> str:
        """The subject that a token speaks for.

        Raises:
            Unauthenticated: it is not to be believed. Busy: its subject asks more than it may.
            Unavailable: the issuer's keys are not known and cannot be fetched.
        """
        caller = await self._caller(token)
        if self.config.per_second is not None and not self._bucket(caller.subject):
            raise Busy(
                "serving.rate",
                f"'{caller.subject}' asks more often than it may.",
                hint="Ask again in a second.",
            )
        return caller.subject

    async def _caller(self, token: str) -> Caller:
        digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        now = time.time()
        known = self._believed.get(digest)
        if known is not None and now < min(known[1], known[0].until):
            self._believed.move_to_end(digest)
            return known[0]
        if time.monotonic() - self._fetched > _KEYS_SECONDS:
            await self._refresh()
        try:
            caller = caller_of(token, self._keys, self.config)
        except UnknownKey:
            await self._refresh()
            try:
                caller = caller_of(token, self._keys, self.config)
            except UnknownKey:
                raise self._unknown() from None
        self._believed[digest] = caller, now + _BELIEVED_SECONDS
        while len(self._believed) > _MOST_KEPT:
            self._believed.popitem(last=False)
        return caller

    def _unknown(self) -> MillwrightError:
        if not self._keys:
            return Unavailable(
                "serving.oidc_keys",
                "Tokens cannot be checked: the issuer's keys could not be fetched.",
                hint="The server's log says why; ask again in half a minute.",
            )
        return Unauthenticated(
            "serving.oidc",
            "The token is not accepted: it is signed with a key that the issuer does not publish.",
            hint="Get a new one from its issuer.",
        )

    async def _refresh(self) -> None:
        """Fetch the keys, unless that was just tried; where it fails, those that are known stay."""
        async with self._fetching:
            if time.monotonic() - self._tried < _AGAIN_SECONDS:
                return
            self._tried = time.monotonic()
            loop = asyncio.get_running_loop()
            try:
                self._keys = await loop.run_in_executor(None, self._fetch)
                self._fetched = self._tried
            except (MillwrightError, ValueError, RecursionError) as error:
                sys.stderr.write(f"The keys of {self.config.issuer} cannot be fetched: {error}\n")

    def _fetch(self) -> list[PublicKey]:
        url = self.config.jwks_url
        if url is None:
            described = json.loads(_content(self.config.issuer.rstrip("/") + DISCOVERY))
            if not isinstance(described, dict) or described.get("issuer") != self.config.issuer:
                raise ValueError("what is at its address speaks for another issuer")
            url = str(described.get("jwks_uri"))
        return keys_of(_content(url))

    def _bucket(self, subject: str) -> bool:
        now = time.monotonic()
        bucket = self._buckets.get(subject)
        if bucket is None:
            assert self.config.per_second is not None
            bucket = self._buckets[subject] = TokenBucket(self.config.per_second, now)
            while len(self._buckets) > _MOST_KEPT:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(subject)
        return bucket.take(now)


def _content(url: str) -> bytes:
    allowed = allowed_from_environment()
    if not url.startswith("https://") and urlsplit(url).netloc not in allowed:
        raise Forbidden(
            "serving.oidc_plain",
            "Keys are fetched over https only.",
            hint="For an issuer on this machine, name its host:port in MILLWRIGHT_EGRESS_ALLOW.",
        )
    into = io.BytesIO()
    fetch(url, into, allow=allowed, timeout_seconds=_TIMEOUT_SECONDS, max_bytes=_MOST_BYTES)
    return into.getvalue()
