"""Secrets that Millwright must be able to use again (a webhook's), sealed where they are stored.

A sealed text is ``sealed:1:`` and the base64 of a tag and the ciphertext. The construction is SIV
(Rogaway and Shrimpton, "Deterministic Authenticated-Encryption", 2006) with keyed BLAKE3 as its
pseudorandom function: the tag is the MAC of what it is about and the text, and it is also the nonce from
which the key stream is made. There is no nonce to repeat; whoever changes a bit, or moves a secret to
another owner, is found out.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Corrupt, InvalidInput
from millwright.kernel.workspace import Workspace

VARIABLE = "MILLWRIGHT_SECRET_KEY"
_PREFIX = "sealed:1:"
_TAG = 32
_MAC_CONTEXT = "millwright 2026 sealing of secrets: tag"
_STREAM_CONTEXT = "millwright 2026 sealing of secrets: key stream"


def is_sealed(text: str) -> bool:
    """Whether a stored text is sealed."""
    return text.startswith(_PREFIX)


def seal(key: bytes, text: str, about: str) -> str:
    """Seal a text with a key of 32 bytes; ``about`` names its owner and must be given to open it.

    >>> key = bytes(32)
    >>> unseal(key, seal(key, "s3cret", "webhook:1"), "webhook:1")
    's3cret'
    """
    plain = text.encode()
    tag = _tag(key, plain, about)
    return _PREFIX + base64.b64encode(tag + _mixed(key, tag, plain)).decode()


def unseal(key: bytes, sealed: str, about: str) -> str:
    """The text that was sealed.

    Raises:
        Corrupt: it was sealed with another key or about something else, or was changed.
    """
    try:
        raw = base64.b64decode(sealed.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raw = b""
    tag, plain = raw[:_TAG], _mixed(key, raw[:_TAG], raw[_TAG:])
    if len(tag) < _TAG or not hmac.compare_digest(tag, _tag(key, plain, about)):
        raise Corrupt(
            "secret.sealed",
            "A stored secret cannot be opened: it was sealed with another key, or was changed.",
            hint=f"Restore the key ({VARIABLE}, or .millwright/secret.key), or set the secret again.",
        )
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


def _tag(key: bytes, plain: bytes, about: str) -> bytes:
    owner = about.encode()
    content = len(owner).to_bytes(8, "big") + owner + plain
    return blake3(content, key=_derived(key, _MAC_CONTEXT)).digest()


def _mixed(key: bytes, tag: bytes, content: bytes) -> bytes:
    stream = blake3(tag, key=_derived(key, _STREAM_CONTEXT)).digest(length=len(content))
    return bytes(one ^ other for one, other in zip(content, stream, strict=True))


def _derived(key: bytes, context: str) -> bytes:
    return blake3(key, derive_key_context=context).digest()
