"""A stream as server-sent events. What fails after the first of them is an event ``error``.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import sys
import traceback

import orjson

from millwright.kernel.errors import MillwrightError
from millwright.serving.answering import InParts
from millwright.serving.open_inference import write_part
from millwright.serving.outcome import Said
from millwright.serving.questions import Question
from millwright.serving.streaming import Stream
from millwright.serving.variant import Variant

EVENTS = "text/event-stream"
_HEADERS = [
    ("content-type", EVENTS),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
    ("x-content-type-options", "nosniff"),
]


class EventStream(InParts):
    """The events of a stream that has begun, whose parts ``write_event`` makes."""

    status = 200

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def headers(self) -> list[tuple[str, str]]:
        """All headers: a proxy is asked not to hold events back."""
        return _HEADERS

    async def part(self) -> bytes | None:
        """The next event; errors are events too."""
        try:
            return await self.stream.following()
        except MillwrightError as error:
            return _error_event(str(error), error.code)
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            sentence = "The server failed on this request; its log says where."
            return _error_event(sentence, "serving.failed")

    async def close(self) -> None:
        """Close the stream."""
        await self.stream.close()


def write_event(question: Question, request_id: str, answer: Variant, said: Said) -> bytes:
    """An event with one thing of a stream; errors as ``write_part``."""
    return b"data: " + write_part(question, request_id, answer, said) + b"\n\n"


def _error_event(sentence: str, code: str) -> bytes:
    return b"event: error\ndata: " + orjson.dumps({"error": sentence, "code": code}) + b"\n\n"
