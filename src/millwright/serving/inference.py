"""The way of one request: decode, choose a variant, score, log, reply."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from millwright.kernel.errors import InvalidInput
from millwright.kernel.ids import new_id
from millwright.serving import invocations, open_inference
from millwright.serving.outcome import Outcome
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.questions import Question
from millwright.serving.segments import Logged
from millwright.serving.variant import Generation, Variant


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply and who gave it."""

    body: bytes
    variant: str
    version: str
    rows: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came in.

    Attributes:
        started_ns: ``time.perf_counter_ns()`` when its headers were read.
        request_id: from its headers, if any.
    """

    body: bytes
    started_ns: int
    request_id: str | None


def infer(
    arrival: Arrival, generation: Generation, pinned: Variant | None, log: PredictionLog
) -> Answer:
    """Answer an Open Inference request; raises the errors of ``read_question``."""
    question = open_inference.read_question(arrival.body, generation.signature)
    return _answer(
        arrival,
        question,
        generation,
        pinned,
        log,
        lambda request_id, variant, outcome: open_inference.write_reply(
            question, request_id, variant, outcome
        ),
    )


def invoke(arrival: Arrival, generation: Generation, media: str, log: PredictionLog) -> Answer:
    """Answer an MLflow scoring request; raises the errors of ``read_json`` and ``read_csv``."""
    read = invocations.read_csv if media == "text/csv" else invocations.read_json
    question = read(arrival.body, generation.signature)
    return _answer(
        arrival,
        question,
        generation,
        None,
        log,
        lambda _request_id, _variant, outcome: invocations.write_predictions(outcome),
    )


def _answer(
    arrival: Arrival,
    question: Question,
    generation: Generation,
    pinned: Variant | None,
    log: PredictionLog,
    write: Callable[[str, Variant, Outcome], bytes],
) -> Answer:
    request_id = question.request_id or arrival.request_id or new_id()
    key = question.routing_key if question.routing_key is not None else request_id
    answering, shadowing = generation.pair(key, pinned, question.rows)
    outcome = answering.score(question.rows)
    shadow = _shadow(shadowing, question)
    reply = write(request_id, answering, outcome)
    config, count = answering.config, question.rows.count
    served_us = time.time_ns() // 1000
    log.append(
        Logged(
            schema=generation.schema,
            request_id=request_id,
            prediction_ids=question.prediction_ids or _derived_ids(request_id, count),
            event_times_us=question.event_times_us or (served_us,),
            served_at_us=served_us,
            variant=config.name,
            version_id=config.version_id,
            latency_us=(time.perf_counter_ns() - arrival.started_ns) // 1000,
            rows=question.rows,
            outcome=outcome,
            shadow_version_id=shadowing.config.version_id if shadow and shadowing else None,
            shadow=shadow,
        )
    )
    return Answer(reply, config.name, str(config.version), count)


def _shadow(variant: Variant | None, question: Question) -> Outcome | None:
    if variant is None:
        return None
    try:
        return variant.score(question.rows)
    except InvalidInput:
        # The variant that answers took these rows; its shadow must not spoil the answer.
        return None


def _derived_ids(request_id: str, count: int) -> list[str]:
    return [request_id] if count == 1 else [f"{request_id}:{i}" for i in range(count)]
