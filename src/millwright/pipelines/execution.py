"""One claimed run on its way: resolve what is known, call the steps in order, commit each."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from millwright.kernel.errors import Conflict
from millwright.pipelines import values
from millwright.pipelines.artifacts import Artifact, deserialise, is_immutable, serialise
from millwright.pipelines.client import PipelineClient
from millwright.pipelines.code_digest import code_of
from millwright.pipelines.context import Cancelled, Progress, StepContext, current
from millwright.pipelines.dsl import Plan
from millwright.pipelines.fingerprint import Fingerprint, Recipe, recipe
from millwright.pipelines.graph import Node, Reference, references
from millwright.pipelines.lease import HeldRun
from millwright.pipelines.listening import EventKind, OnEvent, PipelineEvent
from millwright.pipelines.records import (
    COMMITTED,
    FailTask,
    Failure,
    FinishRun,
    FinishTask,
    Outcome,
    PipelineRunDetail,
    Resolve,
    StartTask,
    Task,
)
from millwright.pipelines.result import PipelineResult
from millwright.pipelines.step_log import StepLog, traceback_of
from millwright.pipelines.steps import Step
from millwright.pipelines.timeout import call_within

_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0


class _StepFailed(Exception):
    def __init__(self, failure: Failure, cause: Exception) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.cause = cause


class Execution:
    """One claimed run on its way; ``run`` goes through its nodes once."""

    def __init__(
        self,
        client: PipelineClient,
        run: PipelineRunDetail,
        plan: Plan,
        held: HeldRun,
        place: Path,
        on_event: OnEvent,
    ) -> None:
        self.client = client
        self.door = client.door
        self.run_id = run.id
        self.project = run.project
        self.plan = plan
        self.held = held
        self.place = place
        self.settled = 0
        self.artifacts: dict[Reference, Artifact] = {}
        self.memory: dict[Reference, object] = {}
        self.uses = Counter(r for n in plan.graph.nodes for r in n.references().values())
        self._on_event = on_event

    def run(self) -> PipelineResult:
        """Execute what is not known yet, in order, and end the run.

        Raises:
            Conflict: another worker took the run over.
        """
        self._tell("run_started")
        try:
            self._run_nodes()
        except Cancelled:
            if self.held.lost:
                raise Conflict(
                    "pipelines.fenced", f"Run {self.run_id} was taken over by another worker."
                ) from None
            return self._end("cancelled")
        except KeyboardInterrupt:
            self._end("cancelled")
            raise
        except _StepFailed as failed:
            return self._end("failed", failed.failure, failed.cause)
        return self._end("succeeded")

    def _end(
        self, status: Outcome, failure: Failure | None = None, cause: Exception | None = None
    ) -> PipelineResult:
        request = FinishRun(attempt=self.held.attempt, status=status, error=failure)
        run = self.client.finish_run(self.run_id, request)
        message = None if failure is None else failure.message
        self._tell("run_finished", status=status, error=message)
        return PipelineResult(run=run, door=self.door, exception=cause)

    def _run_nodes(self) -> None:
        graph, steps = self.plan.graph, self.plan.steps
        codes = {step: code_of(step.function) for step in set(steps.values())}
        recipes = {node.name: recipe(node, codes[steps[node.name]]) for node in graph.nodes}
        request = Resolve(attempt=self.held.attempt, recipes=tuple(recipes.values()))
        known = self.client.resolve(self.run_id, request)
        for node in graph.nodes:
            fingerprint = self._fingerprint(recipes[node.name])
            task = known[node.name]
            if task.status in COMMITTED and task.cache_key == fingerprint.key:
                self._settle("task_cached", node, task)
            else:
                self._run_node(node, steps[node.name], fingerprint)

    def _fingerprint(self, made_of: Recipe) -> Fingerprint:
        digests = {reference: one.digest for reference, one in self.artifacts.items()}
        found = made_of.with_inputs(digests)
        assert found is not None, "nodes run in topological order"
        return found

    def _run_node(self, node: Node, step: Step[..., Any], fingerprint: Fingerprint) -> None:
        for attempt in range(node.retries + 1):
            if self.held.cancelled:
                raise Cancelled()
            request = StartTask(
                attempt=self.held.attempt, fingerprint=fingerprint, cache=node.cache
            )
            task = self.client.start(self.run_id, node.name, request)
            if task.status in COMMITTED:
                self._settle("task_cached", node, task)
                return
            self._tell("task_started", node.name, reason=task.reason)
            log = StepLog()
            try:
                outputs = self._call(node, step, task, fingerprint, log)
            except Cancelled:
                raise
            except Exception as error:
                self._failed(node, error, log, last=attempt == node.retries)
                self.held.pause(min(_BACKOFF_SECONDS * 2**attempt, _LONGEST_BACKOFF_SECONDS))
                continue
            end = FinishTask(
                attempt=self.held.attempt,
                outputs=outputs,
                cache=node.cache,
                log_digest=self._keep(log),
            )
            task = self.client.finish(self.run_id, node.name, end)
            self._settle("task_succeeded", node, task)
            return

    def _call(
        self,
        node: Node,
        step: Step[..., Any],
        task: Task,
        fingerprint: Fingerprint,
        log: StepLog,
    ) -> dict[str, Artifact]:
        """Call the step's function and store what it returns."""
        workdir = self.place / f"{len(self.artifacts)}-{task.attempt}"
        workdir.mkdir()
        context = StepContext(
            run_id=self.run_id,
            project=self.project,
            task=node.name,
            attempt=task.attempt,
            door=self.door,
            workdir=workdir,
            seed=int(fingerprint.key[:8], 16) & 0x7FFFFFFF,
            _report=partial(self._progress, node.name, log),
            _is_cancelled=lambda: self.held.cancelled,
        )
        try:
            arguments = self._arguments(node, workdir / "inputs")
            token = current.set(context)
            try:
                with log.collecting():
                    returned = call_within(
                        node.name, node.timeout_ms, lambda: step.function(**arguments)
                    )
            finally:
                current.reset(token)
            return self._store(node, step.split(returned), workdir)
        finally:
            shutil.rmtree(workdir, ignore_errors=True)

    def _arguments(self, node: Node, workdir: Path) -> dict[str, Any]:
        def load(tree: values.Tagged) -> object:
            (reference,) = references(tree)
            self.uses[reference] -= 1
            if reference in self.memory:
                left = self.uses[reference] > 0
                return self.memory[reference] if left else self.memory.pop(reference)
            artifact = self.artifacts[reference]
            content = self.door.fetch(self.project, artifact.digest)
            return deserialise(artifact, content, project=self.project, workdir=workdir)

        return {name: values.decode(tree, load) for name, tree in node.inputs.items()}

    def _store(
        self, node: Node, outputs: Mapping[str, object], workdir: Path
    ) -> dict[str, Artifact]:
        stored: dict[str, Artifact] = {}
        for name, value in outputs.items():
            payload = serialise(value, project=self.project, scratch=workdir)
            content = payload.content
            size = len(content) if isinstance(content, bytes) else content.stat().st_size
            stored[name] = Artifact(
                digest=self.door.upload(self.project, content),
                kind=payload.kind,
                size=size,
                name=payload.name,
                trusted_by=payload.trusted_by,
            )
            reference = Reference(node=node.name, output=name)
            if is_immutable(value) and self.uses[reference] > 0:
                self.memory[reference] = value
        return stored

    def _settle(self, kind: EventKind, node: Node, task: Task) -> None:
        for name, artifact in task.outputs.items():
            self.artifacts[Reference(node=node.name, output=name)] = artifact
        self.settled += 1
        self._tell(kind, node.name, duration_ms=task.duration_ms)

    def _failed(self, node: Node, error: Exception, log: StepLog, *, last: bool) -> None:
        failure = Failure(
            kind=type(error).__name__,
            message=str(error) or type(error).__name__,
            task=node.name,
            traceback=traceback_of(error),
        )
        log.write(failure.traceback or "")
        request = FailTask(
            attempt=self.held.attempt, error=failure, last=last, log_digest=self._keep(log)
        )
        self.client.fail(self.run_id, node.name, request)
        self._tell("task_failed" if last else "task_retrying", node.name, error=failure.message)
        if last:
            raise _StepFailed(failure, error) from error

    def _keep(self, log: StepLog) -> str | None:
        content = log.content()
        return self.door.upload(self.project, content) if content else None

    def _progress(self, task: str, log: StepLog, step_progress: Progress) -> None:
        if step_progress.note:
            log.write(step_progress.note + "\n")
        self._tell("task_progress", task, progress=step_progress)

    def _tell(self, kind: EventKind, task: str | None = None, **about: Any) -> None:
        self._on_event(
            PipelineEvent(
                kind=kind,
                run_id=self.run_id,
                task=task,
                position=self.settled,
                steps=len(self.plan.graph.nodes),
                **about,
            )
        )
