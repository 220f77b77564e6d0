"""Executing a run in this process: plan it, claim it, go through its steps.

All state is changed in waves through one doorway, so the process may be killed at any moment:
whoever claims the run next goes on after the last committed step.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millwright.kernel import clock
from millwright.kernel.errors import Conflict, InvalidInput
from millwright.kernel.ids import new_id
from millwright.kernel.objects import digest_of
from millwright.kernel.workspace import Workspace
from millwright.pipelines import values
from millwright.pipelines.board import Board
from millwright.pipelines.call import INLINE_BYTES
from millwright.pipelines.code_snapshot import keep_code, packed_code, restored_code
from millwright.pipelines.doorway import Doorway, doorway_of, file_doorway
from millwright.pipelines.dsl import Pipeline, Plan
from millwright.pipelines.entry_point import load_entry_point
from millwright.pipelines.execution import Execution
from millwright.pipelines.graph import Graph
from millwright.pipelines.listening import OnEvent, ignore
from millwright.pipelines.ownership import is_free, this_owner
from millwright.pipelines.planning import recipes_of
from millwright.pipelines.records import (
    Claim,
    NewPipelineRun,
    PipelineRunDetail,
    Task,
    TaskChange,
    Trigger,
)
from millwright.pipelines.resting import CollectorAtRest
from millwright.pipelines.result import PipelineResult
from millwright.pipelines.session import Session, Surroundings
from millwright.pipelines.step_log import copied_output
from millwright.pipelines.trusted import trusted

if TYPE_CHECKING:
    from millwright.kernel.door import Door

LEASE_MS = 15_000
_EMPTY = trusted(Graph, pipeline="", parameters={}, nodes=())


def queue_run(
    door: Door,
    project: str,
    pipeline: Pipeline[..., Any],
    params: Mapping[str, object] | None = None,
    *,
    cause: Mapping[str, Any] | None = None,
    trigger: Trigger = "manual",
    priority: int = 0,
    idempotency_key: str | None = None,
    not_before_ms: int | None = None,
) -> PipelineRunDetail:
    """Plan a pipeline and store it as a run for a worker to claim; errors as in ``plan``.

    Whoever knows the run's id may claim it before ``not_before_ms``.
    """
    plan = pipeline.prepare(params or {})
    code = keep_code(plan, lambda content: door.upload(project, content))
    new = _new_run(plan, cause, code).model_copy(
        update={
            "trigger": trigger,
            "priority": priority,
            "idempotency_key": idempotency_key,
            "not_before_ms": not_before_ms,
        }
    )
    from millwright.pipelines.client import PipelineClient

    return PipelineClient(door).create(project, new)


def execute(
    door: Door | Workspace,
    project: str,
    work: Pipeline[..., Any] | Plan | PipelineRunDetail | str,
    params: Mapping[str, object] | None = None,
    *,
    known: Mapping[str, Task] | None = None,
    on_event: OnEvent = ignore,
    cause: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    scratch: Path | None = None,
    lease_ms: int = LEASE_MS,
    executor: str | None = None,
) -> PipelineResult:
    """Run a pipeline, or a stored run by its id, in this process and to its end.

    Args:
        door: the way to the control plane. Of a workspace, the shortest way there is.
        project: where the run belongs.
        work: a pipeline or a plan to start; a stored run, or its id, to execute or go on with.
        params: of the pipeline; a plan and a stored run have their own.
        known: nodes of a new run that are done before it begins, or skipped.
        on_event: hears of progress, in this thread or the step's.
        cause: why the run exists, such as ``{"alert": ID}``.
        folder: from where the code of a stored run is loaded; the current folder by default.
        scratch: where steps get their folders; the system's place by default.
        lease_ms: for how long the run stays this process's own without a heartbeat.
        executor: where steps run, as a URL; else ``MILLWRIGHT_EXECUTOR``, else this machine.

    Returns:
        The result, whether the run succeeded, failed or was cancelled, or waits for a person.

    Raises:
        InvalidInput: the pipeline cannot be planned.
        Conflict: another worker holds the run, took it over, or it has ended.
    """
    with ExitStack() as stack:
        rest = CollectorAtRest()
        stack.callback(rest.end)
        way = _Way(door, stack)
        # One folder per process; what a killed process left there goes with the system's own.
        base = stack.enter_context(tempfile.TemporaryDirectory(prefix="mw-run-", dir=scratch))
        around = way.surroundings(project, Path(base) / "steps", on_event, lease_ms, executor)
        if isinstance(work, Pipeline):
            work = work.prepare(params or {})
        if isinstance(work, Plan):
            session = _begun(around, work, cause, known or {})
        else:
            session = _resumed(way.door(), around, work, folder or Path.cwd())
        stack.callback(session.close)
        stack.enter_context(copied_output())
        execution = Execution(session, _board(session), before_steps=rest.end)
        end = execution.run()
    result = PipelineResult(
        session.run_id, project, end.status, end.error, way.door, execution.exception
    )
    if not isinstance(door, Workspace):
        _ = result.run  # its opener may close the door before anybody looks
    return result


class _Way:
    """How this process gets to the control plane: what steps see, and what the engine uses."""

    def __init__(self, door: Door | Workspace, stack: ExitStack) -> None:
        if not isinstance(door, Workspace):
            self.door: Callable[[], Door] = lambda: door
            self.doorway: Doorway = doorway_of(door)
            self.workspace = _workspace_of(door)
            url = door.url
        else:
            self.workspace, url = door, None
            self.door = cache(partial(_connect, self.workspace))
            self.doorway = file_doorway(door) or doorway_of(self.door())
            stack.callback(self.doorway.close)
        self.address = {
            "workspace": str(self.workspace.root),
            "url": url,
            "objects": str(self.workspace.objects),
        }

    def surroundings(
        self, project: str, place: Path, on_event: OnEvent, lease_ms: int, executor: str | None
    ) -> Surroundings:
        """Where an engine works that goes this way."""
        return Surroundings(
            doorway=self.doorway,
            project=project,
            door=self.door,
            place=place,
            state=self.workspace.state,
            address=self.address,
            on_event=on_event,
            lease_ms=lease_ms,
            workers=int(os.environ.get("MILLWRIGHT_WORKERS") or os.cpu_count() or 1),
            executor=executor or os.environ.get("MILLWRIGHT_EXECUTOR"),
        )


def _connect(workspace: Workspace) -> Door:
    from millwright.kernel.door import connect

    return connect(workspace)


def _workspace_of(door: Door) -> Workspace:
    if door.application is None:
        return Workspace(Path.cwd())
    found: Workspace = door.application.state.store.workspace
    return found


def _begun(
    around: Surroundings, plan: Plan, cause: Mapping[str, Any] | None, known: Mapping[str, Task]
) -> Session:
    """A new run, which the ledger hears of with its first wave."""

    digest, code = _kept_code(plan, lambda code: around.doorway.put(around.project, code))
    new = _new_run(plan, cause, digest, new_id())
    claim = Claim(owner=this_owner(), pid=os.getpid(), lease_ms=around.lease_ms)
    assert new.id is not None
    session = Session(around, plan, new.id, 1, new=new, claim=claim, tasks=known)
    session.first_contents += [] if code is None else [code]
    for name, task in known.items():
        session.say(trusted(TaskChange, task=name, status=task.status, outputs=task.outputs))
    return session


def _resumed(
    door: Door, around: Surroundings, run: PipelineRunDetail | str, folder: Path
) -> Session:
    """A stored run, claimed; its graph and its code are those it was planned with."""
    from millwright.pipelines.client import PipelineClient

    client = PipelineClient(door)
    stored = client.get(run) if isinstance(run, str) else run
    if stored.project != around.project:
        raise Conflict("pipelines.other_project", f"Run {stored.id} is of {stored.project}.")
    code = restored_code(stored, folder, around.state, lambda d: door.fetch(stored.project, d))
    plan = _plan_stored(stored, code)
    holder = stored.lease_owner
    planned_now = not stored.graph.nodes
    digest, kept = (
        _kept_code(plan, lambda code: door.upload(stored.project, code))
        if planned_now
        else (None, None)
    )
    claim = Claim(
        owner=this_owner(),
        pid=os.getpid(),
        lease_ms=around.lease_ms,
        graph=plan.graph if planned_now else None,
        code_digest=digest,
        replaces=holder if holder is not None and is_free(holder) else None,
    )
    # Said as bytes: given to the record's constructor it would be taken for base64.
    claimed = client.claim(stored.id, claim.model_copy(update={"code": kept}))
    tasks = {task.name: task for task in claimed.tasks}
    deadline = None if claimed.deadline is None else clock.parse_rfc3339(claimed.deadline)
    return Session(around, plan, claimed.id, claimed.attempt, deadline_ms=deadline, tasks=tasks)


def _kept_code(plan: Plan, put: Callable[[bytes], str]) -> tuple[str | None, bytes | None]:
    """The digest of the code of a run, and its bytes where they are few enough to travel along."""
    code = packed_code(plan)
    if code is None or len(code) > INLINE_BYTES:
        return None if code is None else put(code), None
    return digest_of(code), code


def _board(session: Session) -> Board:
    """The nodes of a run, those that it has committed or skipped among them."""
    plan = session.plan
    board = Board.of(plan.graph, plan.steps, recipes_of(plan))
    for live in list(board.lives.values()):
        session.restore(live)
        outputs = session.committed(live.name)
        if outputs is not None:
            board.settle(live.name, outputs)
        elif session.stored.get(live.name) == "skipped":
            board.skip(live.name, "it was skipped before")
    return board


def _new_run(
    plan: Plan, cause: Mapping[str, Any] | None, code: str | None, run_id: str | None = None
) -> NewPipelineRun:
    checked = NewPipelineRun(
        id=run_id,
        name=plan.graph.pipeline,
        entry_point=plan.entry_point,
        graph=_EMPTY,
        cause=None if cause is None else dict(cause),
        code_digest=code,
    )
    # The graph was checked when it was planned.
    return checked.model_copy(update={"graph": plan.graph})


def _plan_stored(run: PipelineRunDetail, folder: Path) -> Plan:
    found = load_entry_point(run.entry_point, folder)
    if not isinstance(found, Pipeline):
        raise InvalidInput(
            "pipelines.not_a_pipeline",
            f"{run.entry_point} is not a pipeline.",
            hint="Decorate the function with @mw.pipeline.",
        )
    planned = found.prepare({name: values.decode(tree) for name, tree in run.params.items()})
    if not run.graph.nodes:
        return planned
    # The stored graph is the run's, whatever the code would plan now; steps are found by name.
    return Plan(run.graph, _steps_of(run, planned, folder), run.entry_point)


def _steps_of(run: PipelineRunDetail, planned: Plan, folder: Path) -> dict[str, Any]:
    steps: dict[str, Any] = {}
    for node in run.graph.nodes:
        if node.kind in ("either", "approval"):
            continue
        known = planned.steps.get(node.name)
        same = known is not None and known.entry_point == node.step
        steps[node.name] = known if same else load_entry_point(node.step, folder)
        if node.until is not None:
            until = f"{node.name}.until"
            steps[until] = planned.steps.get(until) or load_entry_point(node.until, folder)
    return steps
