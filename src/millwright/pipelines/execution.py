"""One run on its way: what is known is taken, the rest is called, and all of it is committed."""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millwright.kernel import clock
from millwright.kernel.errors import Conflict
from millwright.pipelines import values
from millwright.pipelines.artifacts import Artifact, serialise
from millwright.pipelines.board import Board, Live
from millwright.pipelines.call import Made, arguments, loaded, stored
from millwright.pipelines.context import Cancelled
from millwright.pipelines.engine_nodes import EngineNodes
from millwright.pipelines.fingerprint import explain
from millwright.pipelines.graph import Reference
from millwright.pipelines.inline import call_inline
from millwright.pipelines.listening import EventKind, PipelineEvent, ignore
from millwright.pipelines.placement import wants_worker
from millwright.pipelines.records import (
    Failure,
    Lookup,
    RunEnd,
    SlotRequest,
    TaskChange,
    TaskStatus,
)
from millwright.pipelines.session import Session
from millwright.pipelines.step_log import StepLog, traceback_of
from millwright.pipelines.trusted import trusted

if TYPE_CHECKING:
    from millwright.pipelines.executors import Workers
    from millwright.pipelines.messages import Ended

_LONGEST_PAUSE_SECONDS = 30.0
_MOST_LOSSES = 3
_SHORT_MS = 5
"""What steps up to this long made is committed while the next one runs; after longer ones, and those
that are not to be cached, it is waited for."""
_LOOK_SECONDS = 0.1
"""How often slots of a pool are asked for again, and a wish to stop is looked for."""


class Execution:
    """One run on its way; ``run`` goes through its nodes once."""

    def __init__(
        self, session: Session, board: Board, *, before_steps: Callable[[], None] = lambda: None
    ) -> None:
        self._before_steps = before_steps
        self.session = session
        self.board = board
        self.memory: dict[Reference, object] = {}
        self.uses = Counter(r for n in board.graph.nodes for r in n.references().values())
        self.settled = 0
        self.failure: Failure | None = None
        self.exception: Exception | None = None
        self._crew: Workers | None = None
        self._known: dict[str, dict[str, Artifact]] = {}
        self._special = EngineNodes(self)
        self._delayed: list[tuple[float, str]] = []
        self._hopeful: list[Live] = []
        self._asked: set[str] = set()

    def run(self) -> RunEnd:
        """Execute what is not known yet, and say how the run ended; the end is durable.

        Raises:
            Conflict: another worker took the run over.
        """
        self._look_up_all()
        self.tell("run_started")
        try:
            end = self._until_done()
        except Cancelled:
            end = self._stopped()
        except KeyboardInterrupt:
            self.session.end(RunEnd(status="cancelled"))
            raise
        finally:
            if self._crew is not None:
                self._crew.close()
        self.session.end(end)
        message = None if end.error is None else end.error.message
        self.tell("run_finished", status=end.status, error=message)
        return end

    # Going through the nodes

    def _until_done(self) -> RunEnd:
        while True:
            if self.session.cancelled:
                raise Cancelled()
            live = None if self.failure else self.board.next()
            if live is not None:
                self._take(live)
            elif self._is_busy() or self._delayed or self._hopeful:
                self._wait()
            else:
                break
        if self.failure is not None:
            return RunEnd(status="failed", error=self.failure)
        return RunEnd(status="waiting" if self._special.waiting else "succeeded")

    def _take(self, live: Live) -> None:
        why_not = self.board.verdict(live, self._truth)
        if why_not is not None:
            self._skip(live, why_not)
        elif live.node.kind in ("either", "approval"):
            self._special.settle(live)
        elif not self._take_known(live):
            if live.node.kind in ("map", "loop"):
                self._special.expand(live)
            else:
                self.start(live)

    def _wait(self) -> None:
        """Until a worker ends a step, a pause is over, or slots may be free."""
        now = time.monotonic()
        until = min(self._delayed[0][0] - now, _LOOK_SECONDS) if self._delayed else _LOOK_SECONDS
        if self._crew is not None and self._crew.busy:
            for ended in self._crew.wait(max(until, 0)):
                self._ended(ended)
        else:
            self.session.pause(max(until, 0))
        while self._delayed and self._delayed[0][0] <= time.monotonic():
            self.board.make_ready(self.board.lives[heapq.heappop(self._delayed)[1]])
        hopeful, self._hopeful = self._hopeful, []
        for live in hopeful:
            self.start(live)

    def _is_busy(self) -> bool:
        return self._crew is not None and self._crew.busy

    def _workers(self) -> Workers:
        if self._crew is None:
            from millwright.pipelines.executors import workers_of

            self._crew = workers_of(
                self.session, lambda task, how: self.tell("task_progress", task, progress=how)
            )
        return self._crew

    # What is known

    def _look_up_all(self) -> None:
        """One question for the whole graph, by keys that are known before anything runs."""
        keys = self.board.recipe_keys()
        wanted = tuple(
            keys[live.name]
            for live in self.board.lives.values()
            if live.recipe is not None and live.node.cache and not self.board.has_ended(live.name)
        )
        if wanted:
            found = self.session.look_up(trusted(Lookup, recipe_keys=wanted))
            self._known = {one.key: one.outputs for one in found.results}

    def _take_known(self, live: Live) -> bool:
        """Take an earlier result of the same fingerprint, if there is one."""
        assert live.recipe is not None
        live.key = live.recipe.key(self.board.digests)
        if not live.node.cache:
            return False
        outputs = self._known.get(live.key)
        if outputs is None and live.parent is None and self.session.has_history(live.node.step):
            found = self.session.look_up(trusted(Lookup, keys=(live.key,)))
            outputs = next((one.outputs for one in found.results), None)
        if outputs is None:
            return False
        now = clock.now_ms()
        self._change(live, "cached", outputs=outputs, started_ms=now, finished_ms=now)
        self.settle("task_cached", live, outputs)
        return True

    def know(self, found: dict[str, dict[str, Artifact]]) -> None:
        """Earlier results by key, for nodes that were entered since."""
        self._known |= found

    # Calling steps

    def start(self, live: Live) -> None:
        """Call a node's step, here or in a worker."""
        self._before_steps()
        if live.setting.pool is not None and not self._has_slots(live):
            self._hopeful.append(live)
            return
        assert live.step is not None
        self.session.begin()
        live.attempt += 1
        live.started_ms = clock.now_ms()
        live.reason = self._reason(live)
        if wants_worker(live, elsewhere=self.session.around.executor is not None):
            self._change(live, "running")
            self.tell("task_started", live.name, reason=live.reason)
            self._workers().submit(live, self.board.artifacts)
            return
        if not live.node.cache:
            self.session.settle()  # what it may act upon is durable before it acts
        self._change(live, "running")
        self.tell("task_started", live.name, reason=live.reason)
        log = self.session.log(live)
        try:
            made = call_inline(self, live, log)
        except Cancelled:
            raise
        except Exception as error:
            self._failed(live, error, log)
            return
        self.finish(live, made, log.content())

    def finish(self, live: Live, made: dict[str, Made], log: bytes) -> None:
        """A step made its outputs: they are on their way to the ledger, and others may run."""
        outputs = {name: one.artifact for name, one in made.items()}
        few = {one.artifact.digest: one.content for one in made.values() if one.content is not None}
        self.session.remember(few)
        contents = list(few.values())
        digest = self.session.kept(log, contents)
        assert live.recipe is not None
        self._change(
            live,
            "succeeded",
            contents=contents,
            outputs=outputs,
            finished_ms=clock.now_ms(),
            log_digest=digest,
            fingerprint=live.recipe.with_inputs(self.board.digests),
            recipe_key=live.recipe_key,
            remember=live.node.cache,
        )
        is_long = clock.now_ms() - (live.started_ms or 0) > _SHORT_MS
        # The parts of a map come in droves, and what follows waits for all of them anyway.
        if not live.node.cache or (is_long and live.parent is None):
            self.session.settle()
        self.settle("task_succeeded", live, outputs)

    def settle(self, kind: EventKind, live: Live, outputs: dict[str, Artifact]) -> None:
        """A node is done: tell, and let what waits for it go on."""
        self.settled += live.parent is None
        took = None if live.started_ms is None else clock.now_ms() - live.started_ms
        self.tell(kind, live.name, duration_ms=took or 0)
        self.board.settle(live.name, outputs)
        if live.parent is not None:
            self._special.part_done(live, outputs)

    def _ended(self, ended: Ended) -> None:
        live = ended.live
        if ended.made is not None:
            self.finish(live, ended.made, ended.log.content())
        elif ended.lost and live.lost < _MOST_LOSSES:
            live.lost += 1
            self._change(live, "pending", error=ended.failure, finished_ms=clock.now_ms())
            self.board.make_ready(live)
        else:
            assert ended.failure is not None
            self._give_up_or_retry(live, ended.failure, ended.log, ended.error)

    def _failed(self, live: Live, error: Exception, log: StepLog) -> None:
        failure = Failure(
            kind=type(error).__name__,
            message=log.covered(str(error)) or type(error).__name__,
            task=live.name,
            traceback=log.covered(traceback_of(error)),
        )
        log.write(failure.traceback or "")
        self._give_up_or_retry(live, failure, log, error)

    def _give_up_or_retry(
        self, live: Live, failure: Failure, log: StepLog, error: Exception | None
    ) -> None:
        live.tries += 1
        last = live.tries > live.node.retries
        contents: list[bytes] = []
        self._change(
            live,
            "failed" if last else "pending",
            log_digest=self.session.kept(log.content(), contents),
            contents=contents,
            error=failure,
            finished_ms=clock.now_ms(),
        )
        self.tell("task_failed" if last else "task_retrying", live.name, error=failure.message)
        if last:
            self.failure = self.failure or failure
            self.exception = self.exception or error
            return
        pause = min(live.setting.backoff_ms / 1000 * 2 ** (live.tries - 1), _LONGEST_PAUSE_SECONDS)
        # Steps that failed together do not all come back at once.
        pause *= random.uniform(0.75, 1.25)  # noqa: S311
        heapq.heappush(self._delayed, (time.monotonic() + pause, live.name))

    # Small matters

    def truth(self, reference: Reference) -> bool:
        """Whether a value is true, as Python has it."""
        return bool(self.value(reference))

    _truth = truth

    def value(self, reference: Reference) -> Any:
        """The value of an output, from memory or loaded."""
        if reference in self.memory:
            return self.memory[reference]
        artifact = self.board.artifacts[reference]
        folder = self.session.place.folder / f"value-{artifact.digest[:16]}"
        return loaded(artifact, self.session.fetch, project=self.session.project, workdir=folder)

    def _skip(self, live: Live, reason: str) -> None:
        self.session.say(trusted(TaskChange, task=live.name, status="skipped", reason=(reason,)))
        self.settled += live.parent is None
        self.tell("task_skipped", live.name, reason=(reason,))
        self.board.skip(live.name, reason)

    def _change(self, live: Live, status: TaskStatus, *, contents: Any = (), **more: Any) -> None:
        given: dict[str, Any] = {
            "task": live.name,
            "status": status,
            "attempt": live.attempt,
            "cache_key": live.key,
            "reason": live.reason,
            "started_ms": live.started_ms,
            **more,
        }
        self.session.say(trusted(TaskChange, **given), contents)

    def _reason(self, live: Live) -> tuple[str, ...]:
        if live.recipe is None or not live.node.cache:
            return ()  # what is never remembered has no last result
        before = self.session.before(live.node.step)
        if before is None:
            return ()
        return explain(before, live.recipe.with_inputs(self.board.digests))

    def _has_slots(self, live: Live) -> bool:
        setting = live.setting
        assert setting.pool is not None
        request = SlotRequest(
            attempt=self.session.attempt,
            task=live.name,
            pool=setting.pool,
            slots=setting.slots,
            priority=setting.priority,
        )
        return self.session.slots(request)

    def _stopped(self) -> RunEnd:
        error = self.session.error
        if error is not None:
            raise (
                error
                if not isinstance(error, Conflict)
                else Conflict(
                    "pipelines.fenced",
                    f"Run {self.session.run_id} is no longer this worker's: it was taken over.",
                )
            )
        deadline = self.session.deadline_ms
        if deadline is not None and deadline <= clock.now_ms():
            message = f"The run was not done by its deadline, {clock.rfc3339(deadline)}."
            return RunEnd(status="failed", error=Failure(kind="DeadlineExceeded", message=message))
        return RunEnd(status="cancelled")

    def tell(self, kind: EventKind, task: str | None = None, **about: Any) -> None:
        """Let the caller hear of something."""
        if self.session.on_event is ignore:
            return
        self.session.on_event(
            PipelineEvent(
                kind=kind,
                run_id=self.session.run_id,
                task=task,
                position=self.settled,
                steps=len(self.board.graph.nodes),
                **about,
            )
        )

    def argument(self, live: Live, name: str) -> Any:
        """One argument of a node, loaded."""
        tree = {name: live.node.inputs[name]}
        return arguments(
            tree,
            self.board.artifacts,
            self.session.fetch,
            project=self.session.project,
            workdir=lambda: self.session.place.folder / f"items-{live.position}",
        )[name]

    def store_value(self, value: object) -> Artifact:
        """A plain value that the engine itself makes, as an artifact."""
        content = values.canonical(values.encode(value))
        return self.session.store("json", content)

    def store_any(self, value: object) -> Artifact:
        """One item of a collection, which is no plain data, as an artifact."""
        payload = serialise(
            value, project=self.session.project, scratch=lambda: self.session.place.folder
        )
        artifact, content = stored(payload, self.session.put)
        if content is not None:
            self.session.remember({artifact.digest: content})
            self.session.begin().keep([content])
        return artifact
