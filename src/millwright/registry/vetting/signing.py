"""Signatures of versions: Ed25519 over what a version is and which bytes it has. Pure.

The signature covers the project, the model, the number and the digest of the manifest, which covers
the digest of every file. The key comes from the installation's secret (``kernel.sealing``), one for
each project, so whoever changes the database alone cannot put other bytes under a version.
"""

from __future__ import annotations

import base64
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_PURPOSE = b"millwright:model-version:1:"


def project_key(secret: bytes, project: str) -> Ed25519PrivateKey:
    """A project's key, made of the installation's secret of 32 bytes."""
    derived = HKDF(hashes.SHA256(), 32, salt=None, info=_PURPOSE + project.encode())
    return Ed25519PrivateKey.from_private_bytes(derived.derive(secret))


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half in base64, as it is shown and kept with each signature."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def statement(project: str, model: str, version: int, manifest: str) -> bytes:
    """What is signed: JSON with sorted keys and no spaces.

    >>> statement("p", "late", 3, "ab")
    b'{"manifest":"ab","model":"late","project":"p","version":3}'
    """
    said = {"project": project, "model": model, "version": version, "manifest": manifest}
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def signed(key: Ed25519PrivateKey, content: bytes) -> str:
    """The signature in base64."""
    return base64.b64encode(key.sign(content)).decode()


def is_signed(public: str, content: bytes, signature: str) -> bool:
    """Whether the holder of a public key signed exactly this.

    >>> key = project_key(bytes(32), "p")
    >>> is_signed(public_key(key), b"that", signed(key, b"that"))
    True
    >>> is_signed(public_key(key), b"this", signed(key, b"that"))
    False
    """
    try:
        known = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        known.verify(base64.b64decode(signature, validate=True), content)
    except (ValueError, InvalidSignature):
        return False
    return True
