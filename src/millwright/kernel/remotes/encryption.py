"""Client-side encryption: the remote holds nothing that it could read.

Each object is sealed on its own: ``MWE1``, a random salt, then frames of 64 KiB, each sealed with
AES-256-GCM under a key derived from the remote's key and the salt. The frame's number, whether it is
the last, and the stored name are authenticated, so frames cannot be swapped, cut off, or served
under another name (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015). The
last segment of each key is replaced by a keyed hash, so names tell neither contents nor datasets.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from blake3 import blake3

from millwright.kernel.errors import Corrupt, InvalidInput, Unavailable
from millwright.kernel.remotes.interface import Remote, RemoteEntry, Tagged

_MAGIC = b"MWE1"
_SALT = 16
_HEAD = len(_MAGIC) + _SALT
_FRAME = 1 << 16
_SEAL = 16
_MARK = "~"


def read_key(reference: str) -> bytes:
    """The 32 bytes behind ``env:NAME`` or ``file:PATH``, written as 64 hexadecimal digits.

    Raises:
        InvalidInput: the reference is of neither form, or what it names is no such key.
        Unavailable: the variable or file is not there.
    """
    kind, _, name = reference.partition(":")
    if kind not in ("env", "file") or not name:
        raise InvalidInput(
            "remote.key_reference",
            "A key is given by reference: env:NAME or file:/path.",
        )
    if kind == "env":
        text = os.environ.get(name)
    else:
        path = Path(name).expanduser()
        text = path.read_text("utf-8") if path.is_file() else None
    if text is None:
        raise Unavailable(
            "remote.key_missing",
            f"The key of the remote is not there: {reference}.",
            hint="Set it to 64 hexadecimal digits, for example from: openssl rand -hex 32",
        )
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise InvalidInput("remote.key", f"{reference} does not hold 64 hexadecimal digits.")
    return key


class EncryptedRemote:
    """``interface.Remote`` that seals what it writes to another and opens what it reads.

    Listings give concealed keys (``packs/~…``), which every method takes like the plain ones.
    """

    def __init__(self, inner: Remote, key: bytes) -> None:
        self._inner = inner
        self._seal_key = blake3(key, derive_key_context="millwright 2026 remote sealing").digest()
        self._name_key = blake3(key, derive_key_context="millwright 2026 remote names").digest()

    @property
    def address(self) -> str:
        return self._inner.address

    def concealed(self, key: str) -> str:
        """The key as the remote sees it; a concealed key stays as it is."""
        folder, slash, name = key.rpartition("/")
        if name.startswith(_MARK):
            return key
        # The folder is hashed along, so that equal names in two projects differ.
        digest = blake3(key.encode(), key=self._name_key).hexdigest()
        return f"{folder}{slash}{_MARK}{digest[:48]}"

    @property
    def staging(self) -> None:
        return None

    def get(self, key: str) -> bytes | None:
        found = self.get_tagged(key)
        return None if found is None else found.content

    def get_tagged(self, key: str) -> Tagged | None:
        name = self.concealed(key)
        found = self._inner.get_tagged(name)
        if found is None:
            return None
        return Tagged(b"".join(self._opened(_bytes_source(found.content), name)), found.tag)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        name = self.concealed(key)
        cipher, salt = self._cipher(self._inner.get_range(name, 0, _HEAD))
        first, sealed = start // _FRAME, _FRAME + _SEAL
        count = (start + max(length, 0) - 1) // _FRAME - first + 1 if length > 0 else 0
        # One byte more than the frames, to know whether the last of them ends the object.
        raw = self._inner.get_range(name, _HEAD + first * sealed, count * sealed + 1)
        plain = bytearray()
        for index in range(count):
            frame = raw[index * sealed : (index + 1) * sealed]
            if not frame:
                break
            last = len(raw) <= (index + 1) * sealed
            plain += _unseal(cipher, frame, first + index, last, salt, name)
        skip = start - first * _FRAME
        return bytes(plain[skip : skip + length])

    def download(self, key: str, path: Path) -> int:
        name = self.concealed(key)
        sealed = path.with_name(f"{path.name}.sealed")
        self._inner.download(name, sealed)
        size = 0
        with sealed.open("rb") as source, path.open("wb") as target:
            for block in self._opened(source, name):
                size += target.write(block)
        sealed.unlink()
        return size

    def put(self, key: str, content: bytes) -> None:
        name = self.concealed(key)
        self._inner.put(name, b"".join(self._sealed(_bytes_source(content), name)))

    def upload(self, key: str, path: Path) -> None:
        name = self.concealed(key)
        with path.open("rb") as source, tempfile.NamedTemporaryFile(prefix="mw-seal-") as target:
            for block in self._sealed(source, name):
                target.write(block)
            target.flush()
            self._inner.upload(name, Path(target.name))

    def create(self, key: str, content: bytes) -> bool:
        return self.replace(key, content, None) is not None

    def replace(self, key: str, content: bytes, tag: str | None) -> str | None:
        name = self.concealed(key)
        sealed = b"".join(self._sealed(_bytes_source(content), name))
        return self._inner.replace(name, sealed, tag)

    def list(self, prefix: str) -> Iterator[RemoteEntry]:
        return self._inner.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        self._inner.delete([self.concealed(key) for key in keys])

    def tidy(self, before: float) -> int:
        return self._inner.tidy(before)

    def _sealed(self, source: BinaryIO, name: str) -> Iterator[bytes]:
        head = _MAGIC + secrets.token_bytes(_SALT)
        cipher, salt = self._cipher(head)
        yield head
        number, block = 0, source.read(_FRAME)
        while True:
            following = source.read(_FRAME)
            last = not following
            yield cipher.encrypt(_nonce(number, last), block, _about(salt, name))
            if last:
                return
            number, block = number + 1, following

    def _opened(self, source: BinaryIO, name: str) -> Iterator[bytes]:
        cipher, salt = self._cipher(source.read(_HEAD))
        number, frame = 0, source.read(_FRAME + _SEAL)
        while True:
            following = source.read(_FRAME + _SEAL)
            yield _unseal(cipher, frame, number, not following, salt, name)
            if not following:
                return
            number, frame = number + 1, following

    def _cipher(self, head: bytes) -> tuple[Any, bytes]:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if len(head) != _HEAD or not head.startswith(_MAGIC):
            raise Corrupt(
                "remote.not_sealed",
                "An object of the encrypted remote is not sealed.",
                hint="Somebody wrote to it without the key; nothing in it can be trusted.",
            )
        salt = head[len(_MAGIC) :]
        return AESGCM(blake3(salt, key=self._seal_key).digest()), salt


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


def _about(salt: bytes, name: str) -> bytes:
    return salt + name.encode()


def _unseal(cipher: Any, frame: bytes, number: int, last: bool, salt: bytes, name: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return bytes(cipher.decrypt(_nonce(number, last), frame, _about(salt, name)))
    except (InvalidTag, ValueError) as cause:
        raise Corrupt(
            "remote.seal_broken",
            "An object of the encrypted remote does not open.",
            hint="The key is another, or the object was altered.",
        ) from cause


def _bytes_source(content: bytes) -> BinaryIO:
    import io

    return io.BytesIO(content)
