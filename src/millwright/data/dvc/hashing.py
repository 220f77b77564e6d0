"""MD5 as DVC takes it: of the bytes (format 3), or with text's line ends made one (format 2)."""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO

from millwright.data.dvc.files import LEGACY

BLOCK = 1 << 20
_TEXT = bytes({*range(0x20, 0x7F), 8, 9, 10, 12, 13})
_LOOKED_AT = 512


def md5_of(content: bytes) -> str:
    """The MD5 of bytes in memory."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def md5_of_file(path: str, kind: str, size: int) -> str:
    """The MD5 of a file as DVC takes it under a hash name (``md5`` or ``md5-dos2unix``)."""
    legacy = kind == LEGACY
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        if size < BLOCK and not legacy:
            # The small file: one read when its size is as known, and no buffer objects.
            content = os.read(descriptor, size + 1)
            digest = hashlib.md5(content, usedforsecurity=False)
            if len(content) == size:
                return digest.hexdigest()
        else:
            digest = hashlib.md5(usedforsecurity=False)
        while block := _full_block(descriptor):
            digest.update(without_carriage_returns(block) if legacy else block)
        return digest.hexdigest()
    finally:
        os.close(descriptor)


def md5_of_stream(content: BinaryIO, kind: str) -> str:
    """As ``md5_of_file`` for a stream that gives whole blocks."""
    digest = hashlib.md5(usedforsecurity=False)
    while block := content.read(BLOCK):
        digest.update(without_carriage_returns(block) if kind == LEGACY else block)
    return digest.hexdigest()


def _full_block(descriptor: int) -> bytes:
    # The rule for line ends looks at whole blocks of 1 MiB, so short reads are joined.
    block = os.read(descriptor, BLOCK)
    while 0 < len(block) < BLOCK and (more := os.read(descriptor, BLOCK - len(block))):
        block += more
    return block


def without_carriage_returns(block: bytes) -> bytes:
    """A block as DVC 2 hashes it: CRLF becomes LF where the block looks like text."""
    return block.replace(b"\r\n", b"\n") if looks_like_text(block[:_LOOKED_AT]) else block


def looks_like_text(start: bytes) -> bool:
    """DVC 2's rule: no NUL, and at most 30 % bytes that text does not hold."""
    if not start or b"\x00" in start:
        return False
    return len(start.translate(None, _TEXT)) / len(start) <= 0.30
