"""The way of one request: decode, choose a variant, score, log, reply."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from millwright.kernel.errors import MillwrightError
from millwright.kernel.ids import new_id
from millwright.serving import invocations, open_inference
from millwright.serving.batching import Scored
from millwright.serving.graph.functions import NodeFailed
from millwright.serving.mirroring import Mirror
from millwright.serving.outcome import Outcome
from millwright.serving.questions import Question, Written
from millwright.serving.segments import Logged
from millwright.serving.variant import Generation, Variant


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The reply and who gave it."""

    written: Written
    variant: Variant
    rows: int
    times: Times


class Times(msgspec.Struct, frozen=True, gc=False):
    """Where the time of one request went, in nanoseconds."""

    decode: int
    queue: int
    model: int
    encode: int


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A request as it came in.

    Attributes:
        started_ns: ``time.perf_counter_ns()`` when its headers were read.
        request_id: from its headers, if any.
        raw: binary tensors that came after the JSON in ``body``.
    """

    body: bytes
    started_ns: int
    request_id: str | None
    raw: memoryview | None = None


class Task(msgspec.Struct, frozen=True, gc=False):
    """A request that was understood: what to score, and how the answer is written."""

    arrival: Arrival
    question: Question
    generation: Generation
    request_id: str
    pinned: Variant | None
    """The variant that was asked for by its version."""
    answering: Variant
    beside: Variant | None
    """Who scores the rows too, after the answer."""
    write: Callable[[Question, str, Variant, Outcome], Written]
    read_ns: int
    """``time.perf_counter_ns()`` when all this was known."""


def read_infer(arrival: Arrival, generation: Generation, pinned: Variant | None) -> Task:
    """Understand an Open Inference request; raises the errors of ``read_question``."""
    question = open_inference.read_question(arrival.body, generation.signature, arrival.raw)
    return _task(arrival, question, generation, pinned, open_inference.write_reply)


def read_request(
    request: open_inference.InferRequest,
    arrival: Arrival,
    generation: Generation,
    pinned: Variant | None,
    write: Callable[[Question, str, Variant, Outcome], Written],
) -> Task:
    """Take up an inference request that is no JSON; raises the errors of ``question_of``."""
    question = open_inference.question_of(request, generation.signature, arrival.raw)
    return _task(arrival, question, generation, pinned, write)


def read_invocation(
    arrival: Arrival, generation: Generation, pinned: Variant | None, media: str
) -> Task:
    """Understand an MLflow scoring request; raises the errors of ``read_json``, ``read_csv``."""
    read = invocations.read_csv if media == "text/csv" else invocations.read_json
    question = read(arrival.body, generation.signature)
    return _task(arrival, question, generation, pinned, _write_predictions)


def _write_predictions(
    _question: Question, _id: str, _variant: Variant, outcome: Outcome
) -> Written:
    return Written(invocations.write_predictions(outcome))


def _task(
    arrival: Arrival,
    question: Question,
    generation: Generation,
    pinned: Variant | None,
    write: Callable[[Question, str, Variant, Outcome], Written],
) -> Task:
    request_id = question.request_id or arrival.request_id or new_id()
    key = question.routing_key if question.routing_key is not None else request_id
    answering, beside = generation.choose(key, request_id, pinned, question.rows)
    return Task(
        arrival,
        question,
        generation,
        request_id,
        pinned,
        answering,
        beside,
        write,
        time.perf_counter_ns(),
    )


async def looked_up(task: Task) -> Task:
    """The task with the fields that are looked up; who answers is chosen anew, knowing them."""
    lookups = task.generation.lookups
    if lookups is None:
        return task
    question = msgspec.structs.replace(
        task.question,
        rows=await lookups.filled(task.question.rows),
        request_id=task.question.request_id or task.request_id,
    )
    return _task(task.arrival, question, task.generation, task.pinned, task.write)


def answer(task: Task, mirror: Mirror) -> Answer:
    """Score a task here and now, on this thread."""
    started = time.perf_counter_ns()
    try:
        outcome = task.answering.score(task.question.rows)
        return _finish(task, Scored(outcome, started, time.perf_counter_ns()), mirror)
    except Exception as error:
        _note_failure(task, error, mirror)
        raise


async def answer_in_batch(task: Task, mirror: Mirror) -> Answer:
    """Score a task of few rows together with the others of this turn of the event loop."""
    question, answering = task.question, task.answering
    rows, cache = question.rows, answering.cache
    deadline = None
    if question.timeout_us:
        deadline = task.arrival.started_ns + question.timeout_us * 1000
    try:
        if not cache.is_open:
            return _finish(task, await answering.batcher.submit(rows, deadline), mirror)
        known = cache.get(rows)
        if known is not None:
            return _finish(task, Scored(known, task.read_ns, task.read_ns), mirror)
        scored = await answering.batcher.submit(rows, deadline)
        cache.put(rows, scored.outcome)
        return _finish(task, scored, mirror)
    except Exception as error:
        _note_failure(task, error, mirror)
        raise


def _finish(task: Task, scored: Scored, mirror: Mirror) -> Answer:
    question, arrival, answering = task.question, task.arrival, task.answering
    count, began = question.rows.count, time.perf_counter_ns()
    reply = task.write(question, task.request_id, answering, scored.outcome)
    written_ns = time.perf_counter_ns()
    log(task, scored.outcome, written_ns, mirror)
    times = Times(
        decode=task.read_ns - arrival.started_ns,
        queue=scored.started_ns - task.read_ns,
        model=scored.ended_ns - scored.started_ns,
        encode=written_ns - began,
    )
    return Answer(reply, answering, count, times)


def _note_failure(task: Task, error: BaseException, mirror: Mirror) -> None:
    """A model that fails on rows it had to take is its version's failure, which a trial counts."""
    if not isinstance(error, MillwrightError) or isinstance(error, NodeFailed):
        log(task, None, time.perf_counter_ns(), mirror)


def log(task: Task, outcome: Outcome | None, ended_ns: int, mirror: Mirror) -> None:
    """Have a task logged, with what was answered (None where the model failed), when
    ``time.perf_counter_ns()`` was ``ended_ns``; scored a second time before where that is wanted."""
    beside = task.beside if outcome is not None else None
    if mirror.log.spool is None and beside is None:
        return
    question, config = task.question, task.answering.config
    served_us = time.time_ns() // 1000
    entry = Logged(
        schema=task.generation.schema,
        request_id=task.request_id,
        prediction_ids=question.prediction_ids
        or _derived_ids(task.request_id, question.rows.count),
        event_times_us=question.event_times_us or (served_us,),
        served_at_us=served_us,
        variant=config.name,
        version_id=config.version_id,
        latency_us=(ended_ns - task.arrival.started_ns) // 1000,
        rows=question.rows,
        outcome=outcome,
        shadow_version_id=None,
        shadow=None,
    )
    if beside is None:
        mirror.log.append(entry)
    else:
        mirror.take(task.generation.config, beside, entry)


def _derived_ids(request_id: str, count: int) -> list[str]:
    return [request_id] if count == 1 else [f"{request_id}:{i}" for i in range(count)]
