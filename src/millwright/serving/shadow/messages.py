"""What a server and the process that scores beside it say to each other: MessagePack in frames.

Each frame is a length of four bytes, big-endian, and so many bytes. The server asks, one thing at a
time, and the process answers each.
"""

from __future__ import annotations

import socket

import msgspec

from millwright.serving.outcome import Outcome
from millwright.serving.signature import Rows

_LENGTH_BYTES = 4


class Serve(msgspec.Struct, frozen=True, tag="serve"):
    """Load what this configuration (JSON) names, in place of what is served."""

    config: bytes


class Score(msgspec.Struct, frozen=True, tag="score"):
    """Score the rows of several requests with one version."""

    version_id: str
    requests: list[Rows]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The configuration is loaded."""


class Scored(msgspec.Struct, frozen=True, tag="scored"):
    """The outcome of each request, None where the model failed on it."""

    outcomes: list[Outcome | None]


_encode = msgspec.msgpack.Encoder().encode
_asked: msgspec.msgpack.Decoder[Serve | Score] = msgspec.msgpack.Decoder(Serve | Score)
_answered: msgspec.msgpack.Decoder[Ready | Scored] = msgspec.msgpack.Decoder(Ready | Scored)


def send(to: socket.socket, message: Serve | Score | Ready | Scored) -> None:
    """Send a message; raises ``OSError`` where nobody is there."""
    content = _encode(message)
    to.sendall(len(content).to_bytes(_LENGTH_BYTES, "big") + content)


def receive(source: socket.socket) -> bytes | None:
    """The content of the next frame; None where the other end is gone."""
    try:
        head = _exactly(source, _LENGTH_BYTES)
        return None if head is None else _exactly(source, int.from_bytes(head, "big"))
    except ConnectionError:
        return None


def _exactly(source: socket.socket, size: int) -> bytes | None:
    taken = bytearray()
    while len(taken) < size:
        part = source.recv(size - len(taken))
        if not part:
            return None
        taken += part
    return bytes(taken)


def asked(content: bytes) -> Serve | Score:
    """What the server asks in a frame."""
    return _asked.decode(content)


def answered(content: bytes) -> Ready | Scored:
    """What the process answers in a frame."""
    return _answered.decode(content)
