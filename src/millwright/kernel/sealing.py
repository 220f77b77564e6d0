"""Secrets that Millwright must be able to use again (a webhook's), sealed where they are stored.

A sealed text is ``sealed:1:`` and the base64 of a random nonce of 12 bytes and AES-256-GCM's
ciphertext, with the owner as associated data: whoever changes a bit, or moves a secret to another
owner, is found out.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from millwright.kernel.errors import Corrupt, InvalidInput
from millwright.kernel.workspace import Workspace

VARIABLE = "MILLWRIGHT_SECRET_KEY"
_PREFIX = "sealed:1:"
_NONCE = 12


def is_sealed(text: str) -> bool:
    """Whether a stored text is sealed."""
    return text.startswith(_PREFIX)


def seal(key: bytes, text: str, about: str) -> str:
    """Seal a text with a key of 32 bytes; ``about`` names its owner and must be given to open it.

    >>> key = bytes(32)
    >>> unseal(key, seal(key, "s3cret", "webhook:1"), "webhook:1")
    's3cret'
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    content = AESGCM(key).encrypt(nonce, text.encode(), about.encode())
    return _PREFIX + base64.b64encode(nonce + content).decode()


def unseal(key: bytes, sealed: str, about: str) -> str:
    """The text that was sealed.

    Raises:
        Corrupt: it was sealed with another key or about something else, or was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(sealed.removeprefix(_PREFIX), validate=True)
        plain = AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], about.encode())
    except (ValueError, InvalidTag) as cause:
        raise Corrupt(
            "secret.sealed",
            "A stored secret cannot be opened: it was sealed with another key, or was changed.",
            hint=f"Restore the key ({VARIABLE}, or .millwright/secret.key), or set the secret again.",
        ) from cause
    return plain.decode()


def key_of(workspace: Workspace) -> bytes:
    """The key of an installation: ``MILLWRIGHT_SECRET_KEY`` (64 hexadecimal digits), or the file
    ``.millwright/secret.key``, made at first need and readable by its owner alone.

    Raises:
        InvalidInput: what is there is no such key.
    """
    named = os.environ.get(VARIABLE)
    path = workspace.folder() / "secret.key"
    text = named if named is not None else _kept(path)
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        where = VARIABLE if named is not None else str(path)
        raise InvalidInput(
            "secret.key",
            f"{where} does not hold 64 hexadecimal digits.",
            hint="Make one with: openssl rand -hex 32",
        )
    return key


def _kept(path: Path) -> str:
    """The content of the key file; whoever comes first makes it, whole."""
    if not path.exists():
        made = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text("ascii")
