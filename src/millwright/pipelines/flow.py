"""The shape of a pipeline beyond calls: conditions, loops, sequences and questions to people.

Each works on plain values too, so a pipeline's function stays an ordinary one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar, cast, overload

from millwright.kernel.clock import parse_duration
from millwright.kernel.errors import InvalidInput
from millwright.pipelines.compatibility import UNKNOWN, fits, spelled
from millwright.pipelines.graph import SINGLE, Condition, Node, Reference
from millwright.pipelines.recording import Output, Recorder, leaf, recorder_of_plan
from millwright.pipelines.steps import Step
from millwright.pipelines.values import encode

T = TypeVar("T")
ENGINE = "millwright.pipelines:engine"
"""Stands where a node calls no step."""


@overload
def branch(condition: object, then: Callable[[], T], otherwise: Callable[[], T]) -> T: ...
@overload
def branch(condition: object, then: Callable[[], T]) -> T | None: ...
def branch(
    condition: object, then: Callable[[], T], otherwise: Callable[[], T] | None = None
) -> T | None:
    """Call ``then`` if the condition is true, else ``otherwise``; what that returned.

    While a pipeline is planned and the condition is a step's output, both are recorded, and at run
    time the steps of one of them are skipped. What needs a skipped step's output is skipped too.

    >>> branch(3 > 2, lambda: "large", lambda: "small")
    'large'
    """
    recorder = recorder_of_plan.get()
    if recorder is None or not isinstance(condition, Output):
        taken = then if condition else otherwise
        return None if taken is None else taken()
    node, output = condition.reference
    with recorder.under(Condition(node=node, output=output, expected=True)):
        first: Any = then()
    if otherwise is None:
        return first  # type: ignore[no-any-return]
    with recorder.under(Condition(node=node, output=output, expected=False)):
        second: Any = otherwise()
    if not (isinstance(first, Output) or isinstance(second, Output)):
        return None
    return cast("T", _either(recorder, node, first, second))


def repeat(
    body: Step[..., T], start: Any, *, until: Step[..., bool], at_most: int = 100, **same: Any
) -> T:
    """Call a step on its own result again and again, until another step says that it is done.

    Args:
        body: its first parameter takes the result of the turn before.
        start: what the first turn is given.
        until: is given the result of each turn.
        at_most: after so many turns it ends in any case.
        same: the further parameters of ``body``.

    >>> repeat(Step(lambda x: x * 2), 1, until=Step(lambda x: x > 10))
    16
    """
    if at_most < 1:
        raise InvalidInput(
            "pipelines.no_turns", "A loop of no turns.", hint="Give at_most=1 or more."
        )
    recorder = recorder_of_plan.get()
    if recorder is None:
        value: Any = start
        for _ in range(at_most):
            value = body.function(value, **same)
            if until.function(value):
                break
        return value  # type: ignore[no-any-return]
    first = next(iter(body.signature.parameters))
    made = body.annotations.get("return", UNKNOWN)
    asked = until.annotations.get(next(iter(until.signature.parameters)), UNKNOWN)
    for source, target in ((made, body.annotations.get(first, UNKNOWN)), (made, asked)):
        if not fits(source, target):
            raise InvalidInput(
                "pipelines.wrong_type",
                f"A turn of {body.name!r} makes {spelled(made)}, where {spelled(target)} is taken.",
                hint="The result of a turn is what the next turn and the question are given.",
            )
    name = recorder.add(
        body,
        {first: start, **same},
        "loop",
        (SINGLE,),
        over=(first,),
        until=until.entry_point,
        at_most=at_most,
    )
    recorder.steps[f"{name}.until"] = until
    return Output(Reference(name, SINGLE), made)  # type: ignore[return-value]


@contextmanager
def sequence() -> Iterator[None]:
    """Steps called in the block run one after another, though they need nothing of each other."""
    recorder = recorder_of_plan.get()
    if recorder is None:
        yield
        return
    with recorder.sequence():
        yield


def approval(
    message: str,
    *,
    role: Literal["editor", "operator", "admin"] = "operator",
    timeout: str | None = None,
    name: str = "approval",
) -> bool:
    """Ask a person. Steps called after it run only once somebody has said yes.

    The run holds no process while it waits. A no, or no answer in time, ends the run, and what
    comes after is skipped with the reason. Called outside of a plan it asks nobody.

    Args:
        message: what is asked.
        role: whoever decides needs at least this role.
        timeout: no answer after so long, such as ``"7d"``, is a no.
        name: of the node.
    """
    recorder = recorder_of_plan.get()
    if recorder is None:
        return True
    node = recorder.free_name(name)
    recorder.place(
        Node(
            name=node,
            step=ENGINE,
            inputs={},
            outputs=(SINGLE,),
            kind="approval",
            timeout_ms=None if timeout is None else parse_duration(timeout),
            cache=False,
            when=recorder.conditions,
            # Everything called before is to be seen by whoever decides.
            after=tuple(dict.fromkeys((*recorder.barrier, *_ends(recorder)))),
            message=message,
            role=role,
        )
    )
    recorder.barrier = (node,)
    return Output(Reference(node, SINGLE), bool)  # type: ignore[return-value]


def _either(recorder: Recorder, condition: str, first: object, second: object) -> Output:
    name = recorder.free_name(f"{condition.rpartition('/')[2]}.either")
    given = {"then": encode(first, leaf), "otherwise": encode(second, leaf)}
    node = Node(
        name=name,
        step=ENGINE,
        inputs=given,
        outputs=(SINGLE,),
        kind="either",
        cache=False,
        when=recorder.conditions,
    )
    recorder.place(node)
    kinds = [one.annotation if isinstance(one, Output) else type(one) for one in (first, second)]
    return Output(Reference(name, SINGLE), kinds[0] if kinds[0] == kinds[1] else UNKNOWN)


def _ends(recorder: Recorder) -> list[str]:
    """The nodes that nothing recorded so far waits for."""
    needed = {name for node in recorder.nodes for name in node.needs}
    return [node.name for node in recorder.nodes if node.name not in needed]
