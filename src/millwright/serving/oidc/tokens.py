"""JSON Web Tokens: signature and claims checked against an issuer's public keys.

Only signatures with public keys are known here, and the key says which: a token that names ``none``,
HMAC, or an algorithm of another kind of key is refused, so no confusion of the two is possible.
Sources: RFC 7515, 7517, 7518, 7519 and the advice of RFC 8725.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from millwright.kernel.errors import Unauthenticated
from millwright.kernel.serving_config import OidcConfig

LEEWAY_SECONDS = 30
"""How far clocks may differ."""
_LONGEST = 16 * 1024
_LEAST_RSA_BITS = 2048
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}
_CURVES: dict[str, tuple[str, ec.EllipticCurve]] = {
    "P-256": ("ES256", ec.SECP256R1()),
    "P-384": ("ES384", ec.SECP384R1()),
    "P-521": ("ES512", ec.SECP521R1()),
}
Verify = Callable[[bytes, bytes], None]
"""Raises ``InvalidSignature`` unless the first are a signature of the second."""


class PublicKey(msgspec.Struct, frozen=True):
    """A key of an issuer: how it verifies, by the algorithms that it may be used with."""

    name: str | None
    verify: dict[str, Verify]


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
    found = []
    for one in content["keys"]:
        if isinstance(one, dict) and one.get("use", "sig") == "sig":
            try:
                verify = _verifiers(one)
            except (KeyError, TypeError, ValueError, UnsupportedAlgorithm, binascii.Error):
                continue
            only = one.get("alg")
            verify = {name: how for name, how in verify.items() if only in (None, name)}
            if verify:
                found.append(PublicKey(one.get("kid"), verify))
    return found


def caller_of(token: str, keys: list[PublicKey], config: OidcConfig, now: float) -> Caller:
    """Whom a token speaks for.

    Raises:
        Unauthenticated: it is no token of this issuer for us, or not of now.
        UnknownKey: none of the keys is the one that it names.
    """
    signed, header, claims, signature = _parts(token)
    algorithm, name = header.get("alg"), header.get("kid")
    if "crit" in header or not isinstance(algorithm, str):
        raise _refused("its header asks for what is not known here")
    named = [key for key in keys if name is None or key.name == name]
    if not named:
        raise UnknownKey
    able = [key.verify[algorithm] for key in named if algorithm in key.verify]
    if not able:
        raise _refused("it is not signed in a way that the issuer's key is for")
    if not any(_is_signed(verify, signature, signed) for verify in able):
        raise _refused("its signature is wrong")
    return _checked(claims, config, now)


def _checked(claims: Mapping[str, Any], config: OidcConfig, now: float) -> Caller:
    if claims.get("iss") != config.issuer:
        raise _refused("another issuer made it")
    audience = claims.get("aud")
    if config.audience not in (audience if isinstance(audience, list) else [audience]):
        raise _refused("it is for another audience")
    expires = _time(claims, "exp")
    if expires is None or now > expires + LEEWAY_SECONDS:
        raise _refused("it has expired")
    begins = _time(claims, "nbf")
    if begins is not None and now < begins - LEEWAY_SECONDS:
        raise _refused("it is not valid yet")
    if config.scope is not None:
        given = claims.get("scope", claims.get("scp", ""))
        if config.scope not in (given.split() if isinstance(given, str) else list(given or ())):
            raise _refused(f"it lacks the scope '{config.scope}'")
    return Caller(str(claims.get("sub", ""))[:200], expires)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise _refused(f"its '{name}' is no time")
    return float(value)


def _parts(token: str) -> tuple[bytes, dict[str, Any], dict[str, Any], bytes]:
    pieces = token.split(".")
    if len(pieces) != 3 or len(token) > _LONGEST:
        raise _refused("it is no signed token")
    try:
        header, claims = (json.loads(_decoded(piece)) for piece in pieces[:2])
        signature = _decoded(pieces[2])
    except (ValueError, RecursionError) as cause:
        raise _refused("it cannot be read") from cause
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise _refused("it cannot be read")
    return f"{pieces[0]}.{pieces[1]}".encode(), header, claims, signature


def _verifiers(key: Mapping[str, Any]) -> dict[str, Verify]:
    kind = key["kty"]
    if kind == "RSA":
        public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        if public.key_size < _LEAST_RSA_BITS:
            return {}
        return {
            **{f"RS{bits}": _pkcs(public, how) for bits, how in _HASHES.items()},
            **{f"PS{bits}": _pss(public, how) for bits, how in _HASHES.items()},
        }
    if kind == "EC":
        algorithm, curve = _CURVES[key["crv"]]
        point = ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve)
        return {algorithm: _ecdsa(point.public_key(), _HASHES[algorithm[2:]])}
    if kind == "OKP" and key["crv"] == "Ed25519":
        return {"EdDSA": ed25519.Ed25519PublicKey.from_public_bytes(_decoded(key["x"])).verify}
    return {}


def _pkcs(key: rsa.RSAPublicKey, how: hashes.HashAlgorithm) -> Verify:
    return lambda signature, signed: key.verify(signature, signed, padding.PKCS1v15(), how)


def _pss(key: rsa.RSAPublicKey, how: hashes.HashAlgorithm) -> Verify:
    salted = padding.PSS(padding.MGF1(how), how.digest_size)
    return lambda signature, signed: key.verify(signature, signed, salted, how)


def _ecdsa(key: ec.EllipticCurvePublicKey, how: hashes.HashAlgorithm) -> Verify:
    size = (key.curve.key_size + 7) // 8

    def verify(signature: bytes, signed: bytes) -> None:
        if len(signature) != 2 * size:
            raise InvalidSignature
        halves = (int.from_bytes(half, "big") for half in (signature[:size], signature[size:]))
        key.verify(encode_dss_signature(*halves), signed, ec.ECDSA(how))

    return verify


def _is_signed(verify: Verify, signature: bytes, signed: bytes) -> bool:
    try:
        verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _number(text: str) -> int:
    return int.from_bytes(_decoded(text), "big")


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        "serving.oidc", f"The token is not accepted: {why}.", hint="Get a new one from its issuer."
    )
