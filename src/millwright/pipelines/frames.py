"""Messages between an engine and its workers: length-prefixed MessagePack on a socket.

Nothing in them is code; what a worker is to call is named, and loaded from the project's folder.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import msgspec

_LENGTH = struct.Struct("!Q")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message whole."""
    content = _encoder.encode(message)
    connection.sendall(_LENGTH.pack(len(content)) + content)


class Incoming:
    """The messages that arrive on a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def wait(self) -> dict[str, Any] | None:
        """The next message, however long it takes; None when the other side is gone."""
        while True:
            for message in self._whole(1):
                return message
            if not self._receive():
                return None

    def available(self) -> tuple[list[dict[str, Any]], bool]:
        """All messages that are here once a read has succeeded, and whether the other side is."""
        there = self._receive()
        return list(self._whole(None)), there

    def _receive(self) -> bool:
        try:
            content = self._connection.recv(1 << 18)
        except ConnectionError:
            return False
        self._buffer += content
        return bool(content)

    def _whole(self, most: int | None) -> Iterator[dict[str, Any]]:
        count = 0
        while len(self._buffer) >= _LENGTH.size and count != most:
            (length,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            message = _decoder.decode(memoryview(self._buffer)[_LENGTH.size : end].tobytes())
            del self._buffer[:end]
            count += 1
            yield message
