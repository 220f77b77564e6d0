"""Which variant answers a request: a sticky split by routing key."""

from __future__ import annotations

from hashlib import blake2b

_RANGE = float(1 << 64)


def position(key: str, salt: str) -> float:
    """Where a routing key stands in [0, 1): always the same for the same key and salt.

    The salt (the deployment's name) keeps splits of different deployments independent, so that the
    same customers are not the guinea pigs everywhere.

    >>> position("customer-7", "flights") == position("customer-7", "flights")
    True
    """
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=salt.encode()[:64])
    return int.from_bytes(digest.digest(), "big") / _RANGE


def goes_to_canary(key: str, salt: str, share: float) -> bool:
    """Whether this key belongs to the ``share`` (0 to 1) of traffic that the canary answers.

    Raising the share only adds keys: whoever was on the canary stays on it.

    >>> goes_to_canary("a", "flights", 0.0), goes_to_canary("a", "flights", 1.0)
    (False, True)
    """
    return position(key, salt) < share


def canary_share(champion_weight: float, canary_weight: float) -> float:
    """The canary's share of the traffic, from weights of any scale.

    >>> canary_share(90, 10)
    0.1
    >>> canary_share(0, 0)
    0.0
    """
    total = champion_weight + canary_weight
    return canary_weight / total if total > 0 else 0.0
