"""Traces of requests: W3C context in, OpenTelemetry spans out, over OTLP/HTTP in JSON.

A request becomes one span of the server and four within it: reading it, waiting for its batch, the
model, writing the answer. They are made of the times that metrics take anyway, after the answer, and
sent by a thread; when nobody asked for traces none of this is imported. What a full buffer or a silent
collector costs is counted, never waited for.

Sources: https://www.w3.org/TR/trace-context/ and
https://opentelemetry.io/docs/specs/otlp/#otlphttp (ids are hexadecimal in its JSON).
"""

from __future__ import annotations

import importlib.metadata
import os
import random
import re
import sys
import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec
import orjson

from millwright.kernel.egress import allowed_from_environment, exchange
from millwright.kernel.errors import MillwrightError
from millwright.kernel.serving_config import TracesConfig
from millwright.serving.inference import Answer

HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
"""Environment variable with headers for the collector: ``name=value,name=value``."""
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_BUFFER = 4096
_AT_ONCE = 256
_FLUSH_SECONDS = 1.0
_TIMEOUT_SECONDS = 5.0
_SERVER, _INTERNAL, _ERROR = 2, 1, 2
_STATE_LENGTH = 512


class Parent(msgspec.Struct, frozen=True, gc=False):
    """Where a request comes from.

    Attributes:
        trace: 32 hexadecimal digits; span: 16, of the caller's span.
        sampled: whether the caller records.
        state: what vendors carry along.
    """

    trace: str
    span: str
    sampled: bool
    state: str = ""


class Traced(msgspec.Struct, frozen=True):
    """One request that is over, as it will be told."""

    parent: Parent | None
    trace: str
    name: str
    attributes: dict[str, object]
    failed: bool
    """Whether the server is at fault."""
    ended_ns: int
    """``time.time_ns()`` at its end."""
    lasted_ns: int
    given: Answer | None
    """None where there was no answer."""


def parent_of(headers: Mapping[str, str]) -> Parent | None:
    """The context in a request's headers; None where there is none, or one that says nothing.

    >>> parent_of({"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}).sampled
    True
    >>> parent_of({"traceparent": "00-" + "0" * 32 + "-" + "b" * 16 + "-01"}) is None
    True
    """
    given = headers.get("traceparent")
    found = None if given is None else _TRACEPARENT.fullmatch(given.strip())
    if found is None:
        return None
    version, trace, span, flags = found.groups()
    exact = version != "00" or len(found[0]) == 55  # only later versions may say more
    if version == "ff" or not exact or not trace.strip("0") or not span.strip("0"):
        return None
    state = (headers.get("tracestate") or "")[:_STATE_LENGTH]
    return Parent(trace, span, bool(int(flags, 16) & 1), state)


class Tracer:
    """Records requests and sends them to a collector. ``record`` may be called from any thread.

    Attributes:
        spans: how many were ``exported``, ``dropped`` (the buffer was full) or ``failed`` (the
            collector did not take them).
    """

    def __init__(self, config: TracesConfig, service: str) -> None:
        """Send to ``config.url`` as ``service``, where the configuration has no other name."""
        self.config = config
        self.spans: Counter[str] = Counter()
        self._resource = _attributes(
            {
                "service.name": config.service or service,
                "service.version": importlib.metadata.version("millwright"),
                "telemetry.sdk.language": "python",
                "process.pid": os.getpid(),
            }
        )
        self._waiting: deque[Traced] = deque()
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def begin(self, headers: Mapping[str, str]) -> tuple[Parent | None, str] | None:
        """The context and trace of a request that is to be recorded; None where it is not."""
        parent = parent_of(headers)
        if parent is not None:
            return (parent, parent.trace) if parent.sampled else None
        if random.random() >= self.config.share:  # noqa: S311 - a sample, no secret
            return None
        return None, _digits(128)

    def record(self, parent: Parent | None, trace: str, **told: Any) -> None:
        """Have a request sent, or count it as dropped; arguments as ``Traced`` has them."""
        traced = Traced(parent, trace, **told)
        if len(self._waiting) >= _BUFFER:
            self.spans["dropped"] += 1 if traced.given is None else 5
            return
        self._waiting.append(traced)
        if len(self._waiting) >= _AT_ONCE and not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._closing = True
        self._wake.set()
        self._thread.join(_TIMEOUT_SECONDS + 1)

    def _run(self) -> None:
        healthy = True
        while True:
            self._wake.wait(_FLUSH_SECONDS)
            self._wake.clear()
            closing = self._closing
            while self._waiting:
                count = min(_AT_ONCE, len(self._waiting))
                spans = [span for _ in range(count) for span in spans_of(self._waiting.popleft())]
                why = self._send(spans)
                self.spans["exported" if why is None else "failed"] += len(spans)
                if why is not None and healthy:
                    sys.stderr.write(f"Traces cannot be sent: {why}\n")
                healthy = why is None
                if closing and not healthy:
                    return
            if closing:
                return

    def _send(self, spans: Sequence[object]) -> str | None:
        """Why the collector did not take them; None where it did."""
        scope = {"scope": {"name": "millwright.serving"}, "spans": spans}
        content = {
            "resourceSpans": [{"resource": {"attributes": self._resource}, "scopeSpans": [scope]}]
        }
        try:
            answer = exchange(
                self.config.url,
                body=orjson.dumps(content),
                headers={"content-type": "application/json", **_headers()},
                allow=allowed_from_environment(),
                timeout_seconds=_TIMEOUT_SECONDS,
            )
        except MillwrightError as error:
            return str(error)
        return None if 200 <= answer.status < 300 else f"The collector answered {answer.status}."


def spans_of(traced: Traced) -> list[dict[str, object]]:
    """The spans of a request in OTLP's JSON: the server's first, then its parts in their order."""
    begun = traced.ended_ns - traced.lasted_ns
    root = _digits(64)
    attributes = dict(traced.attributes)
    given = traced.given
    if given is not None:
        attributes["millwright.variant"], attributes["millwright.version"] = given.variant.label
        attributes["millwright.rows"] = given.rows
    span = _span(traced.trace, root, traced.name, begun, traced.ended_ns)
    span |= {"kind": _SERVER, "attributes": _attributes(attributes)}
    if traced.parent is not None:
        span["parentSpanId"] = traced.parent.span
        if traced.parent.state:
            span["traceState"] = traced.parent.state
    if traced.failed:
        span["status"] = {"code": _ERROR}
    spans = [span]
    if given is not None:
        at, times = begun, given.times
        for name, lasted in (
            ("decode", times.decode),
            ("queue", times.queue),
            ("model", times.model),
            ("encode", times.encode),
        ):
            ends = at + max(0, lasted)
            part = _span(traced.trace, _digits(64), name, at, ends)
            spans.append(part | {"kind": _INTERNAL, "parentSpanId": root})
            at = ends
    return spans


def _span(trace: str, span: str, name: str, begun: int, ended: int) -> dict[str, object]:
    return {
        "traceId": trace,
        "spanId": span,
        "name": name,
        "startTimeUnixNano": str(begun),
        "endTimeUnixNano": str(ended),
    }


def _attributes(values: Mapping[str, object]) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value},
        }
        for key, value in values.items()
    ]


def _headers() -> dict[str, str]:
    pairs = (pair.partition("=") for pair in os.environ.get(HEADERS, "").split(",") if "=" in pair)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}


def _digits(bits: int) -> str:
    """Random hexadecimal digits, not all zero."""
    return f"{random.getrandbits(bits) | 1:0{bits // 4}x}"
