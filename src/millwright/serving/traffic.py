"""Which variant answers a request, and which one is asked beside it.

Keys are shared by weighted rendezvous hashing: each variant draws a number for the key, and the
smallest draw, divided by the weight, wins. So a key stays where it is until the weights say
otherwise, and then only those keys move that the changed weight gains or loses.

Source: Schindelhauer & Schomaker (2005), "Weighted Distributed Hash Tables".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b

_RANGE = float(1 << 64)


def position(key: str, salt: bytes) -> float:
    """Where a key stands in (0, 1]: always the same for the same key and salt.

    >>> position("customer-7", b"flights") == position("customer-7", b"flights")
    True
    """
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=salt)
    return (int.from_bytes(digest.digest(), "big") + 1.0) / _RANGE


def salt_of(*parts: str) -> bytes:
    """A salt for ``position``; names that differ give independent positions."""
    return blake2b("\0".join(parts).encode(), digest_size=32).digest()


class Split:
    """Shares keys among variants in proportion to their weights, each key always to the same.

    The name of the deployment keeps splits of different deployments independent, so that the same
    customers are not the guinea pigs everywhere.

    >>> Split("flights", ["champion", "b"], [1.0, 0.0]).index_of("customer-7")
    0
    """

    def __init__(self, deployment: str, names: Sequence[str], weights: Sequence[float]) -> None:
        """Prepare the draws; a weight of 0 gets no key, and at least one is above it."""
        self._draws = [
            (index, salt_of(deployment, name), weight)
            for index, (name, weight) in enumerate(zip(names, weights, strict=True))
            if weight > 0.0
        ]

    def index_of(self, key: str) -> int:
        """The place, in the order given, of the variant that this key belongs to."""
        if len(self._draws) == 1:
            return self._draws[0][0]
        # -ln(u)/w is exponential with rate w: the smallest is the i-th with probability wᵢ/Σw.
        return min(self._draws, key=lambda draw: -math.log(position(key, draw[1])) / draw[2])[0]


class Sample:
    """Draws at most one of several for each request, each for its own share of them.

    >>> Sample("flights", [1.0]).index_of("request-1")
    0
    >>> Sample("flights", []).index_of("request-1") is None
    True
    """

    def __init__(self, deployment: str, shares: Sequence[float]) -> None:
        """Prepare the draw; the shares are of all requests and sum to at most 1."""
        self._salt = salt_of(deployment, "", "mirror")
        self._shares = shares

    def index_of(self, request_id: str) -> int | None:
        """The place of the one that is drawn for this request, or None."""
        if not self._shares or self._shares[0] >= 1.0:
            return 0 if self._shares else None
        point = position(request_id, self._salt)
        reached = 0.0
        for index, share in enumerate(self._shares):
            reached += share
            if point <= reached:
                return index
        return None
