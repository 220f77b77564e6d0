"""``@step`` and ``@pipeline``: ordinary typed functions that can also be planned and run durably.

Called on its own, a step is its function. Called inside a pipeline's function, it records a node
and returns handles to the outputs it will have, which other steps take as arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Generic, cast, overload

from millwright.kernel.clock import parse_duration
from millwright.kernel.errors import InvalidInput, nearest
from millwright.pipelines import values
from millwright.pipelines.compatibility import UNKNOWN, annotations_of, conform
from millwright.pipelines.entry_point import entry_point_of
from millwright.pipelines.graph import Graph
from millwright.pipelines.steps import P, R, Recorder, Step, plain_signature, recorder_of_plan


@dataclass(frozen=True)
class Plan:
    """A graph together with the functions that its nodes call."""

    graph: Graph
    steps: Mapping[str, Step[..., Any]]
    entry_point: str


class Pipeline(Generic[P, R]):
    """A function that calls steps. Made by ``@pipeline``; calling it runs the steps at once."""

    def __init__(self, function: Callable[P, R], *, name: str = "") -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = name or function.__name__
        self.signature = plain_signature(function, f"The pipeline {self.name!r}")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def plan(self, **parameters: object) -> Graph:
        """What a run with these parameters will do; runs no step.

        Raises:
            InvalidInput: a parameter is unknown, missing or of the wrong type; a step lacks an
                input, or is given one of the wrong type.
        """
        return self.prepare(parameters).graph

    def prepare(self, parameters: Mapping[str, object]) -> Plan:
        """As ``plan``, with the functions to call."""
        given = self._conform(parameters)
        recorder = Recorder(self.name)
        token = recorder_of_plan.set(recorder)
        try:
            returned = cast("Callable[..., R]", self.function)(**given)
        finally:
            recorder_of_plan.reset(token)
        graph = Graph(
            pipeline=self.name,
            parameters={name: values.encode(value) for name, value in given.items()},
            nodes=tuple(recorder.nodes),
            result=values.encode(returned, recorder.leaf),
        )
        return Plan(graph, recorder.steps, entry_point_of(self.function))

    def _conform(self, parameters: Mapping[str, object]) -> dict[str, Any]:
        known = self.signature.parameters
        for name in parameters:
            if name not in known:
                guess = nearest(name, known)
                raise InvalidInput(
                    "pipelines.unknown_parameter",
                    f"The pipeline {self.name!r} has no parameter {name!r}.",
                    hint=f"Did you mean {guess!r}?"
                    if guess
                    else f"It takes: {', '.join(known) or 'none'}.",
                    value=name,
                )
        kinds, given = annotations_of(self.function), {}
        for name, parameter in known.items():
            if name in parameters:
                given[name] = conform(parameters[name], kinds.get(name, UNKNOWN), name)
            elif parameter.default is inspect.Parameter.empty:
                raise InvalidInput(
                    "pipelines.missing_parameter",
                    f"The pipeline {self.name!r} needs the parameter {name!r}.",
                    hint=f"Pass {name}=….",
                    value=name,
                )
            else:
                given[name] = parameter.default
        return given


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    name: str = "",
    retries: int = 0,
    timeout: str | None = None,
    cache: bool = True,
    outputs: tuple[str, ...] = (),
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str = "",
    retries: int = 0,
    timeout: str | None = None,
    cache: bool = True,
    outputs: tuple[str, ...] = (),
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a function a step.

    Args:
        function: the function, where the decorator is written without parentheses.
        name, retries, cache, outputs: see ``Step``.
        timeout: a duration such as ``"90s"``.

    >>> @step
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> double(4)
    8
    """
    timeout_ms = None if timeout is None else parse_duration(timeout)

    def decorate(decorated: Callable[P, R]) -> Step[P, R]:
        return Step(
            decorated,
            name=name,
            retries=retries,
            timeout_ms=timeout_ms,
            cache=cache,
            outputs=tuple(outputs),
        )

    return decorate if function is None else decorate(function)


@overload
def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...
@overload
def pipeline(*, name: str = "") -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...
def pipeline(
    function: Callable[P, R] | None = None, /, *, name: str = ""
) -> Pipeline[P, R] | Callable[[Callable[P, R]], Pipeline[P, R]]:
    """Make a function that calls steps a pipeline.

    Examples:
        >>> @step
        ... def double(x: int) -> int:
        ...     return 2 * x
        >>> @pipeline
        ... def fourfold(x: int = 1) -> int:
        ...     return double(double(x))
        >>> [node.name for node in fourfold.plan(x=3).nodes]
        ['double', 'double-2']
    """

    def decorate(decorated: Callable[P, R]) -> Pipeline[P, R]:
        return Pipeline(decorated, name=name)

    return decorate if function is None else decorate(function)
