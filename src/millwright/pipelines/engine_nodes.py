"""The nodes that the engine does itself: choices, questions to people, maps and loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from millwright.kernel import clock
from millwright.pipelines import expansion
from millwright.pipelines.artifacts import Artifact, listed
from millwright.pipelines.board import Live, single
from millwright.pipelines.graph import SINGLE, Reference, is_reference, reference_of
from millwright.pipelines.records import Lookup, Question, TaskChange
from millwright.pipelines.trusted import trusted

if TYPE_CHECKING:
    from millwright.pipelines.execution import Execution


class EngineNodes:
    """Settles and expands such nodes for one execution."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._session = execution.session
        self._board = execution.board
        self.waiting: set[str] = set()
        """Questions that nobody has answered yet."""

    def settle(self, live: Live) -> None:
        """A choice takes the result that is there; a question is asked."""
        if live.node.kind == "approval":
            self._ask(live)
            return
        chosen = self._board.chosen(live)
        if chosen is None:
            artifact = self._execution.store_value(None)
        else:
            artifact = self._board.artifacts[chosen]
            if chosen in self._execution.memory:
                self._execution.memory[Reference(live.name, SINGLE)] = self._execution.memory[
                    chosen
                ]
        self._succeed(live, artifact)

    def expand(self, live: Live) -> None:
        """Enter the items of a map, or the first turn of a loop."""
        live.attempt += 1
        live.started_ms = clock.now_ms()
        change = trusted(TaskChange, task=live.name, status="running", attempt=live.attempt, cache_key=live.key,
            started_ms=live.started_ms,
        )  # fmt: skip
        self._session.say(change)
        self._execution.tell("task_started", live.name)
        if live.node.kind == "loop":
            self._turn(live, 0, None)
            return
        parts = expansion.map_items(live, self._items(live))
        live.children = len(parts)
        self._enter(parts)
        if not parts:
            self._gather(live)

    def part_done(self, part: Live, outputs: dict[str, Artifact]) -> None:
        """A part of a map or a loop is done."""
        live = self._board.lives[part.parent or ""]
        if live.node.kind == "map":
            live.children -= 1
            if live.children == 0:
                self._gather(live)
        elif part.name.endswith(".until"):
            self._turned(live, part)
        else:
            index = int(part.name[len(live.name) + 1 : -1])
            until = self._session.plan.steps[f"{live.name}.until"]
            code = self._session.code(until)
            self._enter([expansion.question(live, index, until, code)])

    def _items(self, live: Live) -> list[JsonValue]:
        (over,) = live.node.over
        tree = live.node.inputs[over]
        if is_reference(tree):
            artifact = self._board.artifacts[reference_of(tree)]
            if artifact.kind == "list":
                parts = Artifact.parts_of(self._session.fetch(artifact.digest))
                items = expansion.parts_as_items(live, parts)
                for reference, part in items.items():
                    self._know(reference, part)
                return [reference.tree() for reference in items]
        collection = self._execution.argument(live, over)
        return expansion.items_of(live, collection, self._store_item)

    def _store_item(self, item: object, reference: Reference) -> None:
        self._know(reference, self._execution.store_any(item))

    def _know(self, reference: Reference, artifact: Artifact) -> None:
        self._board.artifacts[reference] = artifact
        self._board.digests[reference] = artifact.digest

    def _enter(self, parts: list[Live]) -> None:
        """Enter nodes, with one question for what is known of all of them."""
        stored = self._session.stored
        fresh = [part for part in parts if part.name not in stored]
        self._session.add([expansion.new_task(part) for part in fresh])
        if any(part.node.cache for part in parts) and self._session.has_history(parts[0].node.step):
            recipes = [part.recipe for part in parts if part.recipe is not None]
            keys = tuple(recipe.key(self._board.digests) for recipe in recipes)
            found = self._session.look_up(trusted(Lookup, keys=keys))
            self._execution.know({one.key: one.outputs for one in found.results})
        for part in parts:
            self._session.restore(part)
            self._board.enter(part)
        for part in parts:
            outputs = self._session.committed(part.name)
            if outputs is not None:
                self._execution.settle("task_cached", part, outputs)

    def _gather(self, live: Live) -> None:
        # A map is as long as its list; its parts are in the order of the items.
        made: list[Artifact] = []
        while (
            reference := Reference(f"{live.name}[{len(made)}]", SINGLE)
        ) in self._board.artifacts:
            made.append(self._board.artifacts[reference])
        artifact = self._session.store("list", listed(made))
        self._succeed(live, artifact)

    def _turn(self, live: Live, index: int, before: Reference | None) -> None:
        assert live.recipe is not None
        self._enter([expansion.turn(live, index, before, live.recipe)])

    def _turned(self, live: Live, asked: Live) -> None:
        index = int(asked.name[len(live.name) + 1 : -len("].until")])
        made = Reference(f"{live.name}[{index}]", SINGLE)
        done = self._execution.truth(Reference(asked.name, SINGLE))
        if done or index + 1 >= live.node.at_most:
            self._succeed(live, self._board.artifacts[made])
        else:
            self._turn(live, index + 1, made)

    def _ask(self, live: Live) -> None:
        self.waiting.add(live.name)
        now = clock.now_ms()
        expires = None if live.node.timeout_ms is None else now + live.node.timeout_ms
        if live.name in self._session.stored and self._session.stored[live.name] == "waiting":
            return  # asked before this process came
        change = trusted(
            TaskChange,
            task=live.name,
            status="waiting",
            reason=(live.node.message or "",),
            started_ms=now,
        )
        self._session.say(change)
        question = Question(
            task=live.name,
            message=live.node.message or "",
            role=live.node.role,
            expires_ms=expires,
        )
        self._session.ask(question)
        self._execution.tell("task_waiting", live.name, reason=(question.message,))

    def _succeed(self, live: Live, artifact: Artifact) -> None:
        outputs = single(artifact)
        cacheable = live.node.cache and live.recipe is not None
        change = trusted(
            TaskChange,
            task=live.name,
            status="succeeded",
            attempt=live.attempt,
            cache_key=live.key,
            recipe_key=live.recipe_key,
            outputs=outputs,
            started_ms=live.started_ms or clock.now_ms(),
            finished_ms=clock.now_ms(),
            fingerprint=None
            if live.recipe is None
            else live.recipe.with_inputs(self._board.digests),
            remember=cacheable,
        )
        self._session.say(change)
        self._execution.settle("task_succeeded", live, outputs)
