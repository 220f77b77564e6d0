"""What a token is made of: an id to find it by, and 32 random bytes that nobody stores.

A secret reads ``mw_<id>_<random>``. The server keeps the digest of the whole text. The random part
has 256 bits, so a fast digest without salt is enough: there is no dictionary to try.
"""

from __future__ import annotations

import hmac
import re
import secrets

from blake3 import blake3

_FORM = re.compile(r"^mw_([0-9a-f]{32})_[A-Za-z0-9_-]{43}$")
_RANDOM_BYTES = 32


def new_secret(token_id: str) -> str:
    """A fresh secret for the token with this id (32 hexadecimal digits).

    >>> id_of(new_secret("0" * 32)) == "0" * 32
    True
    """
    return f"mw_{token_id}_{secrets.token_urlsafe(_RANDOM_BYTES)}"


def id_of(secret: str) -> str | None:
    """The id inside a secret; None if the text has not the form of one.

    >>> id_of("hunter2") is None
    True
    """
    match = _FORM.fullmatch(secret)
    return match[1] if match else None


def digest_of_secret(secret: str) -> str:
    """What the server keeps of a secret: its BLAKE3 digest, in hexadecimal."""
    return blake3(secret.encode()).hexdigest()


def matches(secret: str, digest: str) -> bool:
    """Whether ``digest`` is that of ``secret``, in a time that says nothing about where it differs."""
    return hmac.compare_digest(digest_of_secret(secret), digest)
