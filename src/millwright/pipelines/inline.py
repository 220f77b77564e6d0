"""Calling a step in the engine's own process."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from millwright.pipelines.artifacts import is_immutable
from millwright.pipelines.board import Live
from millwright.pipelines.call import Made, Scratch, arguments, outputs
from millwright.pipelines.context import Progress, StepContext, current, unknown_secret
from millwright.pipelines.graph import Reference
from millwright.pipelines.secret_values import resolved
from millwright.pipelines.step_log import StepLog
from millwright.pipelines.timeout import call_within

if TYPE_CHECKING:
    from millwright.pipelines.execution import Execution


def call_inline(execution: Execution, live: Live, log: StepLog) -> dict[str, Made]:
    """Call the step's function and bring what it returns into stored form."""
    session, step = execution.session, live.step
    assert step is not None
    assert live.key is not None
    scratch = Scratch(
        lambda: session.place.folder / f"{live.position}-{live.name.count('[')}-{live.attempt}"
    )
    context = StepContext(
        run_id=session.run_id,
        project=session.project,
        task=live.name,
        attempt=live.attempt,
        seed=seed_of(live.key),
        _workdir=lambda: scratch.folder,
        _door=session.around.door,
        _report=partial(_progress, execution, live.name, log),
        _is_cancelled=lambda: session.cancelled,
        _secret=partial(_secret, live),
    )
    try:
        given = arguments(
            live.node.inputs,
            execution.board.artifacts,
            session.fetch,
            project=session.project,
            workdir=lambda: scratch.folder / "inputs",
            memory=partial(_remembered, execution),
        )
        token = current.set(context)
        try:
            with log:
                returned = call_within(
                    live.name, live.node.timeout_ms, lambda: step.function(**given)
                )
        finally:
            current.reset(token)
        made = outputs(
            step, returned, session.put, project=session.project, workdir=lambda: scratch.folder
        )
    finally:
        scratch.remove()
    for name, one in made.items():
        reference = Reference(live.name, name)
        if is_immutable(one.value) and execution.uses[reference] > 0:
            execution.memory[reference] = one.value
    return made


def seed_of(key: str) -> int:
    """A number that depends only on what a step is given."""
    return int(key[:8], 16) & 0x7FFFFFFF


def _remembered(execution: Execution, reference: Reference) -> tuple[bool, object]:
    execution.uses[reference] -= 1
    if reference not in execution.memory:
        return False, None
    left = execution.uses[reference] > 0
    return True, execution.memory[reference] if left else execution.memory.pop(reference)


def _progress(execution: Execution, task: str, log: StepLog, step_progress: Progress) -> None:
    if step_progress.note:
        log.write(step_progress.note + "\n")
    execution.tell("task_progress", task, progress=step_progress)


def _secret(live: Live, name: str) -> str:
    reference = live.setting.secrets.get(name)
    if reference is None:
        return unknown_secret(name)
    return resolved({name: reference})[name]
