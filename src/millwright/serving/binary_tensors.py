"""The binary tensor extension of the Open Inference Protocol: JSON first, raw tensors after it.

The header ``Inference-Header-Content-Length`` says where the JSON ends. A tensor whose parameters
have ``binary_data_size`` takes that many of the bytes that follow, in the order of the tensors:
little-endian numbers, one byte for a BOOL, and for BYTES each element after its length in four bytes.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/extensions/binary_data.md
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from millwright.kernel.errors import InvalidInput
from millwright.serving.bodies import Headers, length_in

HEADER = "inference-header-content-length"
_DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("?"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
}
_LENGTH = struct.Struct("<I")


def split(headers: Headers, body: bytes) -> tuple[bytes, memoryview | None]:
    """The JSON of a body, and the raw tensors after it where it has the extension's header.

    Raises:
        InvalidInput: the header is no length within the body.
    """
    said = headers.get(HEADER)
    if said is None:
        return body, None
    end = length_in(said)
    if end is None or end > len(body):
        raise InvalidInput(
            "serving.binary_header",
            f"Inference-Header-Content-Length: expected the length of the JSON, at most "
            f"{len(body)}, got {said[:40]!r}.",
        )
    return body[:end], memoryview(body)[end:]


class RawTensors:
    """The bytes after the JSON, taken tensor by tensor."""

    def __init__(self, raw: memoryview) -> None:
        self._raw = raw
        self._at = 0

    def take(self, name: str, datatype: str, count: int, size: int) -> list[Any]:
        """The next tensor of ``count`` elements in ``size`` bytes; NaN stands for null.

        Raises:
            InvalidInput: the bytes are not that many elements, or there are fewer bytes.
        """
        taken = self._raw[self._at : self._at + size]
        if size < 0 or len(taken) != size:
            raise InvalidInput(
                "serving.binary_size",
                f"Tensor '{name[:100]}': expected {size} bytes of data, got {len(taken)}.",
            )
        self._at += size
        if datatype == "BYTES":
            return _texts(name, taken, count)
        dtype = _DTYPES.get(datatype)
        if dtype is None:
            raise InvalidInput(
                "serving.datatype",
                f"Tensor '{name[:100]}': datatype '{datatype[:40]}' has no binary form here.",
            )
        if size != count * dtype.itemsize:
            raise InvalidInput(
                "serving.binary_size",
                f"Tensor '{name[:100]}': expected {count * dtype.itemsize} bytes for {count} "
                f"values of {datatype}, got {size}.",
            )
        numbers = np.frombuffer(taken, dtype)
        values: list[Any] = numbers.tolist()
        if dtype.kind == "f" and np.isnan(numbers).any():
            return [None if value != value else value for value in values]
        return values

    def end(self) -> None:
        """Say that all tensors were taken.

        Raises:
            InvalidInput: there are bytes that belong to none.
        """
        left = len(self._raw) - self._at
        if left:
            raise InvalidInput(
                "serving.binary_size", f"{left} bytes after the last tensor belong to none."
            )


def packed(datatype: str, values: Sequence[Any]) -> bytes:
    """Values as the raw bytes of a tensor.

    >>> packed("BYTES", ["no"])
    b'\\x02\\x00\\x00\\x00no'
    """
    if datatype == "BYTES":
        encoded = [b"" if value is None else str(value).encode() for value in values]
        return b"".join(part for one in encoded for part in (_LENGTH.pack(len(one)), one))
    return np.asarray(values, _DTYPES[datatype]).tobytes()


def _texts(name: str, raw: memoryview, count: int) -> list[Any]:
    values: list[Any] = []
    at = 0
    while at < len(raw) and len(values) < count:
        start = at + _LENGTH.size
        length = _LENGTH.unpack(raw[at:start])[0] if start <= len(raw) else len(raw)
        if start + length > len(raw):
            break
        try:
            values.append(str(raw[start : start + length], "utf-8"))
        except UnicodeDecodeError as cause:
            raise InvalidInput(
                "serving.binary_text",
                f"Tensor '{name[:100]}', row {len(values)}: expected UTF-8 text.",
            ) from cause
        at = start + length
    if at != len(raw) or len(values) != count:
        raise InvalidInput(
            "serving.binary_size",
            f"Tensor '{name[:100]}': expected {count} texts, each after its length in four bytes.",
        )
    return values
