"""What a server of sockets needs of what answers: an application, or a gateway to several."""

from __future__ import annotations

from typing import Protocol

from millwright.serving.bodies import Incoming
from millwright.serving.config import ServerConfig


class Answer(Protocol):
    """What goes back to a caller."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def body(self) -> bytes:
        """The whole body."""
        ...

    def headers(self) -> list[tuple[str, str]]:
        """All headers but the body's length."""
        ...


class Answering(Protocol):
    """Answers every request of one port."""

    draining: bool
    """Whether it is about to end: load balancers then send callers elsewhere."""

    @property
    def config(self) -> ServerConfig:
        """What is served."""
        ...

    @property
    def in_flight(self) -> int:
        """Requests for predictions that have no reply yet."""
        ...

    async def respond(self, request: Incoming) -> Answer | None:
        """The reply to one request; None where the caller hung up before it was complete."""
        ...
