"""Names of bytes: the BLAKE3 digest, 64 hexadecimal digits."""

from __future__ import annotations

from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import InvalidInput

_SIZE = 32
_BLOCK = 1 << 20


def digest_of(content: bytes) -> str:
    """The BLAKE3 digest of bytes, in hexadecimal.

    >>> digest_of(b"")[:16]
    'af1349b9f5f9a1a6'
    """
    return blake3(content).hexdigest()


def digest_of_file(path: Path) -> str:
    """The BLAKE3 digest of a file's bytes, read in blocks."""
    hasher = blake3()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
    return hasher.hexdigest()


def raw_digest(digest: str) -> bytes:
    """The 32 bytes of a digest. Only digests name objects; anything else is refused.

    Raises:
        InvalidInput: it is no digest.
    """
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        found = b""
    # Blanks and capitals are read, too, and are not how objects are named.
    if len(found) != _SIZE or found.hex() != digest:
        raise InvalidInput("objects.digest", "That is not an object digest.", value=digest)
    return found
