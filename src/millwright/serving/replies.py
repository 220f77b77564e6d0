"""What goes back to a caller: answers, refusals, and the sentences of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

import orjson

from millwright.kernel.errors import Forbidden, MillwrightError, NotFound
from millwright.serving import binary_tensors
from millwright.serving.questions import Written

JSON = "application/json"
STREAMS = ("/infer_stream", "/generate_stream")
"""Ends of paths whose answers come bit by bit: the same under two names, as MLServer has them."""
OUTSIDE = "x-millwright-outside"
"""Header with the names of fields, percent-encoded, that the guard would have refused."""
_BINARY = "application/octet-stream"
_SAFE = ("x-content-type-options", "nosniff")
_JSON_HEADERS = [("content-type", JSON), _SAFE]
_RETRY_SECONDS = 1


class Reply(NamedTuple):
    """What goes back to the caller."""

    status: int
    body: bytes
    media: str = JSON
    json_bytes: int | None = None
    """How much of the body is JSON, where raw tensors follow it."""
    retry_seconds: int | None = None
    """When it is worth asking again."""
    outside: Sequence[str] = ()
    """Fields whose values are unlike any the model was trained on."""

    def headers(self) -> list[tuple[str, str]]:
        """All headers but the body's length."""
        if self.media is JSON and self.retry_seconds is None and not self.outside:
            return _JSON_HEADERS
        headers = [("content-type", self.media), _SAFE]
        if self.json_bytes is not None:
            headers.append((binary_tensors.HEADER, str(self.json_bytes)))
        if self.retry_seconds is not None:
            headers.append(("retry-after", str(self.retry_seconds)))
        if self.outside:
            headers.append((OUTSIDE, quote(",".join(self.outside), safe=", ")))
        return headers


class Busy(MillwrightError):
    """More is asked than is allowed at once."""

    status, exit_code = 429, 5


class Expired(MillwrightError):
    """The caller's time was over before the model was asked."""

    status, exit_code = 504, 5


class WrongMethod(MillwrightError):
    """The path is there, and does not take this method."""

    status, exit_code = 405, 2


def json_reply(content: object, *, status: int = 200) -> Reply:
    """A document."""
    return Reply(status, orjson.dumps(content))


def answered(written: Written) -> Reply:
    """The answer to a request for predictions."""
    if written.json_bytes is None:
        return Reply(200, written.body, outside=written.outside)
    return Reply(200, written.body, _BINARY, written.json_bytes, outside=written.outside)


def refusal(error: MillwrightError) -> Reply:
    """An error as its caller reads it."""
    # The protocol wants a sentence under "error"; the code beside it is for programs.
    body = orjson.dumps({"error": str(error), "code": error.code})
    retry_seconds = _RETRY_SECONDS if isinstance(error, Busy) else None
    return Reply(error.status, body, retry_seconds=retry_seconds)


def failure() -> Reply:
    """The server is at fault, and its log says how."""
    sentence = "The server failed on this request; its log says where."
    return Reply(500, orjson.dumps({"error": sentence, "code": "serving.failed"}))


def no_path(path: str) -> NotFound:
    """There is nothing at this path."""
    return NotFound("serving.unknown_path", f"There is nothing at '{path[:100]}'.")


def wrong_method(method: str, path: str) -> WrongMethod:
    """This path does not take this method."""
    return WrongMethod("serving.method", f"'{path[:100]}' does not take {method[:20]}.")


def admin_closed() -> Forbidden:
    """Nobody may change what this server serves."""
    return Forbidden(
        "serving.admin_closed",
        "This server was started without an admin token and keeps its configuration.",
        hint="Start it with MILLWRIGHT_ADMIN_TOKEN set.",
    )
