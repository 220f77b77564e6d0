"""What a worker is told of a step, wherever it is, and how the step's end is heard of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from millwright.kernel.errors import MillwrightError, from_problem
from millwright.pipelines.artifacts import Artifact
from millwright.pipelines.board import Live
from millwright.pipelines.call import Made
from millwright.pipelines.graph import Reference
from millwright.pipelines.inline import seed_of
from millwright.pipelines.records import Failure
from millwright.pipelines.session import Session
from millwright.pipelines.step_log import StepLog
from millwright.pipelines.timeout import StepTimeout

Message = dict[str, Any]
_SMALL = 1 << 18
"""Inputs up to this size travel with the message."""


@dataclass(frozen=True)
class Ended:
    """A step that a worker is done with, one way or the other."""

    live: Live
    log: StepLog
    made: dict[str, Made] | None = None
    failure: Failure | None = None
    error: Exception | None = None
    lost: bool = False
    """The worker ended before the step did."""


def message_of(
    session: Session, live: Live, artifacts: Mapping[Reference, Artifact], number: int
) -> Message:
    """What any worker is told; where the code is and what the secrets are is added by who sends."""
    assert live.key is not None
    return {
        "number": number,
        "run_id": session.run_id,
        "project": session.project,
        "task": live.name,
        "attempt": live.attempt,
        "seed": seed_of(live.key),
        "step": live.node.step,
        "inputs": live.node.inputs,
        "artifacts": _inputs(session, live, artifacts),
        "environment": live.setting.environment,
        "memory_mb": live.setting.memory_mb,
        **session.around.address,
    }


def heard(live: Live, log: StepLog, answer: Message) -> Ended:
    """The end of a step from the last thing that its worker said."""
    if answer["kind"] == "made":
        made = {
            name: Made(Artifact.loaded(artifact), content)
            for name, (artifact, content) in answer["outputs"].items()
        }
        return Ended(live, log, made=made)
    failure = Failure(
        kind=answer["type"],
        message=answer["message"] or answer["type"],
        task=live.name,
        traceback=answer["traceback"],
    )
    error: MillwrightError | None = None
    if answer["error"] is not None:
        error = from_problem(answer["status"], answer["error"])
    return Ended(live, log, failure=failure, error=error)


def lost(live: Live, log: StepLog, why: str, error: Exception | None = None) -> Ended:
    """A step whose worker is gone: the engine sends it again."""
    failure = Failure(kind="WorkerLost", message=why, task=live.name)
    return Ended(live, log, failure=failure, error=error, lost=True)


def timed_out(live: Live, log: StepLog) -> Ended:
    """A step that took longer than it may, and whose worker was ended."""
    assert live.node.timeout_ms is not None
    error = StepTimeout(live.name, live.node.timeout_ms)
    failure = Failure(kind=type(error).__name__, message=error.message, task=live.name)
    return Ended(live, log, failure=failure, error=error)


def _inputs(
    session: Session, live: Live, artifacts: Mapping[Reference, Artifact]
) -> dict[str, tuple[dict[str, Any], bytes | None]]:
    found: dict[str, tuple[dict[str, Any], bytes | None]] = {}
    for reference in live.node.references().values():
        artifact = artifacts[reference]
        if artifact.kind == "list":
            session.settle()  # its parts are read from the store
        content = session.fetch(artifact.digest) if artifact.size <= _SMALL else None
        found[f"{reference.node}\0{reference.output}"] = (artifact.stored(), content)
    return found
