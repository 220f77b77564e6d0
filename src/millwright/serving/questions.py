"""A request for predictions, whatever protocol it came in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from millwright.kernel.clock import parse_rfc3339
from millwright.kernel.errors import InvalidInput
from millwright.serving.signature import Rows

_LONGEST_ID = 200


class Question(msgspec.Struct, frozen=True, gc=False):
    """Rows to score and what the caller said about them.

    Attributes:
        request_id: as given, or None.
        routing_key: what keeps a caller on one variant, or None.
        prediction_ids: one per row, or None to derive them from the request id.
        event_times_us: one per row or one for all, in microseconds; empty means now.
        outputs: names of the outputs wanted; empty means all.
        binary: names of the outputs wanted as raw bytes; None means all.
        timeout_us: microseconds after which nobody waits for the answer any more; None: never.
    """

    rows: Rows
    request_id: str | None = None
    routing_key: str | None = None
    prediction_ids: Sequence[str] | None = None
    event_times_us: Sequence[int] = ()
    outputs: Sequence[str] = ()
    binary: frozenset[str] | None = frozenset()
    timeout_us: int | None = None


class Written(msgspec.Struct, frozen=True, gc=False):
    """The body of an answer; ``json_bytes`` of it are JSON where raw tensors follow."""

    body: bytes
    json_bytes: int | None = None
    outside: Sequence[str] = ()
    """Fields whose values are unlike any the model was trained on."""


def checked_ids(ids: Sequence[str] | None, count: int) -> Sequence[str] | None:
    """Prediction ids that came with ``count`` rows.

    Raises:
        InvalidInput: there are more or fewer than rows, two are equal, or one is unusable.
    """
    if ids is None:
        return None
    if len(ids) != count:
        raise _wrong_length("prediction_ids", len(ids), count)
    if any(not 0 < len(one) <= _LONGEST_ID for one in ids):
        raise InvalidInput(
            "serving.prediction_id",
            f"Each of prediction_ids must have 1 to {_LONGEST_ID} characters.",
        )
    if len(set(ids)) != count:
        raise InvalidInput("serving.prediction_id", "Two of prediction_ids are the same.")
    return ids


def checked_request_id(request_id: str | None) -> str | None:
    """A request id that is short enough to keep."""
    if request_id is not None and len(request_id) > _LONGEST_ID:
        raise InvalidInput(
            "serving.request_id", f"The request id is longer than {_LONGEST_ID} characters."
        )
    return request_id or None


def event_times_us(one: str | None, many: Sequence[str] | None, count: int) -> Sequence[int]:
    """Event times in microseconds since the epoch: empty, one for all rows, or one per row.

    Raises:
        InvalidInput: a time cannot be read, or there are more or fewer than rows.
    """
    if many is not None:
        if len(many) != count:
            raise _wrong_length("event_times", len(many), count)
        return [_microseconds(text) for text in many]
    return () if one is None else (_microseconds(one),)


def _microseconds(text: str) -> int:
    try:
        return parse_rfc3339(text) * 1000
    except OverflowError as cause:
        raise InvalidInput("time.unreadable", f"{text!r} is outside the calendar.") from cause


def _wrong_length(name: str, found: int, count: int) -> InvalidInput:
    return InvalidInput(
        "serving.parameter", f"Parameter '{name}' has {found} entries for {count} rows."
    )
