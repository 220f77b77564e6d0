"""``@step`` and ``@pipeline``: ordinary typed functions that can also be planned and run durably.

Called on its own, a step is its function. Called inside a pipeline's function, it records a node
and returns handles to the outputs it will have, which other steps take as arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from typing import Any, Generic, Literal, TypedDict, Unpack, cast, overload

from millwright.kernel.clock import parse_duration
from millwright.kernel.errors import InvalidInput, nearest
from millwright.pipelines import values
from millwright.pipelines.compatibility import UNKNOWN, annotations_of, conform, fits, spelled
from millwright.pipelines.entry_point import entry_point_of
from millwright.pipelines.graph import Graph, Setting
from millwright.pipelines.recording import Output, Recorder, leaf, recorder_of_plan
from millwright.pipelines.secret_values import check_reference
from millwright.pipelines.steps import P, R, Step, plain_signature


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
        recorder = recorder_of_plan.get()
        if recorder is None:
            return self.function(*args, **kwargs)
        # A pipeline within a pipeline: its steps are nodes of the same graph, under its name.
        given = self.signature.bind(*args, **kwargs)
        conformed = self._conform(given.arguments)
        with recorder.within(self.name):
            return cast("Callable[..., R]", self.function)(**conformed)

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
            result=values.encode(returned, leaf),
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
                value = parameters[name]
                kind = kinds.get(name, UNKNOWN)
                if isinstance(value, Output):
                    _require_fit(value, kind, name)
                    given[name] = cast("Any", value)
                else:
                    given[name] = conform(value, kind, name)
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


def _require_fit(value: Output, kind: Any, name: str) -> None:
    if not fits(value.annotation, kind):
        raise InvalidInput(
            "pipelines.wrong_type",
            f"{name!r} should be {spelled(kind)}, but {value!r} is {spelled(value.annotation)}.",
            hint="Pass a value of that type.",
        )


class StepOptions(TypedDict, total=False):
    """What ``@step`` can be told beside the function; see ``step``."""

    name: str
    retries: int
    timeout: str | None
    cache: bool
    outputs: tuple[str, ...]
    backoff: str
    isolation: Literal["auto", "inline", "process"]
    python: str | None
    packages: tuple[str, ...]
    environment: dict[str, str]
    memory_mb: int | None
    secrets: dict[str, str]
    pool: str | None
    slots: int
    priority: int


_SETTINGS = (
    "isolation",
    "python",
    "packages",
    "environment",
    "memory_mb",
    "secrets",
    "pool",
    "slots",
    "priority",
)


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(**options: Unpack[StepOptions]) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(
    function: Callable[P, R] | None = None, /, **options: Unpack[StepOptions]
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a function a step.

    Args:
        function: the function, where the decorator is written without parentheses.
        options: ``name``, ``retries``, ``cache``, ``outputs`` as of ``Step``; ``timeout`` and
            ``backoff`` as durations such as ``"90s"``; the rest as of ``graph.Setting``.

    Raises:
        InvalidInput: a secret is not given by reference.

    >>> @step
    ... def double(x: int) -> int:
    ...     return 2 * x
    >>> double(4)
    8
    """
    timeout = options.get("timeout")
    given: dict[str, Any] = {name: options[name] for name in _SETTINGS if name in options}  # type: ignore[literal-required]
    if "backoff" in options:
        given["backoff_ms"] = parse_duration(options["backoff"])
    for secret, reference in given.get("secrets", {}).items():
        check_reference(secret, reference)
    setting = Setting(**given) if given else None

    def decorate(decorated: Callable[P, R]) -> Step[P, R]:
        return Step(
            decorated,
            name=options.get("name", ""),
            retries=options.get("retries", 0),
            timeout_ms=None if timeout is None else parse_duration(timeout),
            cache=options.get("cache", True),
            outputs=tuple(options.get("outputs", ())),
            setting=setting,
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
