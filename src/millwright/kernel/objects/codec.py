"""How a chunk's bytes are written: as they are, or with zstd where that helps."""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zstandard import ZstdCompressor, ZstdDecompressor

_LEVEL = 3
_PROBE_BYTES = 4 << 10
_WORTH_IT = 0.9
_SMALLEST = 64
_PATIENCE, _EVERY = 16, 8


class Codec(IntEnum):
    """What stands in a record."""

    NONE = 0
    ZSTD = 1


_local = threading.local()


class Encoder:
    """Decides by a probe in the middle of a chunk whether compressing it is tried at all.

    After a row of chunks that do not compress (images, archives), only some are probed.
    """

    def __init__(self) -> None:
        self._in_vain = 0

    def encode(self, content: bytes | memoryview) -> tuple[Codec, bytes | memoryview]:
        """The bytes to write, and how they are written."""
        if len(content) < _SMALLEST:
            return Codec.NONE, content
        if self._in_vain >= _PATIENCE and self._in_vain % _EVERY:
            self._in_vain += 1
            return Codec.NONE, content
        packed = _compressed(content)
        if packed is None:
            self._in_vain += 1
            return Codec.NONE, content
        self._in_vain = 0
        return Codec.ZSTD, packed


def encode(content: bytes | memoryview) -> tuple[Codec, bytes | memoryview]:
    """As ``Encoder.encode``, for a chunk by itself."""
    return Encoder().encode(content)


def _compressed(content: bytes | memoryview) -> bytes | None:
    compressor = _compressor()
    if len(content) > 4 * _PROBE_BYTES:
        middle = len(content) // 2
        probe = memoryview(content)[middle : middle + _PROBE_BYTES]
        if len(compressor.compress(probe)) > _WORTH_IT * _PROBE_BYTES:
            return None
    packed = compressor.compress(content)
    return packed if len(packed) <= _WORTH_IT * len(content) else None


def decode(codec: int, content: bytes, size: int) -> bytes:
    """The bytes that were encoded.

    Raises:
        ValueError: they are not what ``encode`` wrote.
    """
    if codec == Codec.NONE:
        return content
    if codec != Codec.ZSTD:
        raise ValueError(f"codec {codec} is unknown")
    import zstandard

    try:
        return _decompressor().decompress(content, max_output_size=size)
    except zstandard.ZstdError as cause:
        raise ValueError(str(cause)) from cause


def _compressor() -> ZstdCompressor:
    if not hasattr(_local, "compressor"):
        from zstandard import ZstdCompressor

        _local.compressor = ZstdCompressor(level=_LEVEL)
    found: ZstdCompressor = _local.compressor
    return found


def _decompressor() -> ZstdDecompressor:
    if not hasattr(_local, "decompressor"):
        from zstandard import ZstdDecompressor

        _local.decompressor = ZstdDecompressor()
    found: ZstdDecompressor = _local.decompressor
    return found
