"""JSON Web Tokens: signature and claims checked against an issuer's public keys, by PyJWT.

Only signatures with public keys are known here, and the key says which: a token that names ``none``,
HMAC, or an algorithm of another kind of key is refused before it is verified, so no confusion of the
two is possible (RFC 8725).
"""

from __future__ import annotations

import json
from typing import Any, Final

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa

from millwright.kernel.errors import Unauthenticated
from millwright.kernel.serving_config import OidcConfig

LEEWAY_SECONDS = 30
"""How far clocks may differ."""
_LONGEST = 16 * 1024
_LEAST_RSA_BITS = 2048
_ALGORITHMS: Final[dict[tuple[str, str | None], tuple[str, ...]]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""What a key of a kind (and on a curve) may have signed."""
_REASONS: Final[tuple[tuple[type[jwt.InvalidTokenError], str], ...]] = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidIssuerError, "another issuer made it"),
    (jwt.InvalidAudienceError, "it is for another audience"),
    (jwt.MissingRequiredClaimError, "it does not say who made it for whom, and until when"),
    (jwt.InvalidSignatureError, "its signature is wrong"),
)


class PublicKey(msgspec.Struct, frozen=True):
    """A key of an issuer: its name, the key itself, and the algorithms that it may be used with."""

    name: str | None
    key: Any
    algorithms: tuple[str, ...]


class Caller(msgspec.Struct, frozen=True):
    """Whom a token speaks for, and until when (seconds since 1970)."""

    subject: str
    until: float


class UnknownKey(Exception):
    """No known key has the name that a token gives: the issuer may have new ones."""


def keys_of(document: bytes) -> list[PublicKey]:
    """The keys of a JWK set that can verify signatures; others are left out.

    Raises:
        ValueError: it is no JWK set.
    """
    content = json.loads(document)
    if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
        raise ValueError("it is no JWK set")
    found = [_key_of(one) for one in content["keys"] if isinstance(one, dict)]
    return [key for key in found if key is not None]


def caller_of(token: str, keys: list[PublicKey], config: OidcConfig) -> Caller:
    """Whom a token speaks for.

    Raises:
        Unauthenticated: it is no token of this issuer for us, or not of now.
        UnknownKey: none of the keys is the one that it names.
    """
    if len(token) > _LONGEST:
        raise _refused("it is no signed token")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, RecursionError) as cause:
        raise _refused("it cannot be read") from cause
    algorithm, name = header.get("alg"), header.get("kid")
    if "crit" in header or not isinstance(algorithm, str):
        raise _refused("its header asks for what is not known here")
    named = [key for key in keys if name is None or key.name == name]
    if not named:
        raise UnknownKey
    able = [key for key in named if algorithm in key.algorithms]
    if not able:
        raise _refused("it is not signed in a way that the issuer's key is for")
    claims = _claims(token, able, algorithm, config)
    _require_scope(claims, config)
    return Caller(str(claims.get("sub", ""))[:200], float(claims["exp"]))


def _claims(
    token: str, keys: list[PublicKey], algorithm: str, config: OidcConfig
) -> dict[str, Any]:
    """What a token says, where one of the keys has signed it and it is for us and of now."""
    trouble: Exception | None = None
    for key in keys:
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=config.audience,
                issuer=config.issuer,
                leeway=LEEWAY_SECONDS,
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_sub": False,
                    "verify_jti": False,
                },
            )
            return found
        except jwt.InvalidSignatureError as cause:
            trouble = cause
        except (
            jwt.InvalidTokenError,
            ValueError,
            TypeError,
            OverflowError,
            RecursionError,
        ) as cause:
            raise _refused(_reason(cause)) from cause
    assert trouble is not None
    raise _refused(_reason(trouble)) from trouble


def _require_scope(claims: dict[str, Any], config: OidcConfig) -> None:
    if config.scope is None:
        return
    given = claims.get("scope", claims.get("scp", ""))
    if config.scope not in (given.split() if isinstance(given, str) else list(given or ())):
        raise _refused(f"it lacks the scope '{config.scope}'")


def _key_of(described: dict[str, Any]) -> PublicKey | None:
    """A key that can verify; None where it is for something else, weak, or of a kind not known here."""
    kind, curve = str(described.get("kty")), str(described.get("crv"))
    allowed = _ALGORITHMS.get((kind, None if kind == "RSA" else curve), ())
    only = described.get("alg")
    algorithms = tuple(name for name in allowed if only in (None, name))
    if described.get("use", "sig") != "sig" or not algorithms:
        return None
    try:
        key = jwt.PyJWK(described, algorithms[0]).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    public = not isinstance(key, rsa.RSAPublicKey) or key.key_size >= _LEAST_RSA_BITS
    if not public or hasattr(key, "private_bytes"):
        return None
    name = described.get("kid")
    return PublicKey(name if isinstance(name, str) else None, key, algorithms)


def _reason(cause: Exception) -> str:
    for kind, told in _REASONS:
        if isinstance(cause, kind):
            return told
    return "it cannot be read"


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        "serving.oidc", f"The token is not accepted: {why}.", hint="Get a new one from its issuer."
    )
