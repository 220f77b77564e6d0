"""A step: a function whose calls, inside a pipeline's function, are recorded instead of made."""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast

from millwright.kernel.errors import InvalidInput
from millwright.pipelines import values
from millwright.pipelines.compatibility import UNKNOWN, annotations_of, fits, spelled
from millwright.pipelines.entry_point import entry_point_of
from millwright.pipelines.graph import Node, Reference

P = ParamSpec("P")
R = TypeVar("R")
SINGLE = "result"
"""The name of the output of a step that has only one."""


class Output:
    """A handle to what a step will make; it has no value until the pipeline runs."""

    __slots__ = ("_annotation", "_reference")

    def __init__(self, reference: Reference, annotation: Any) -> None:
        self._reference = reference
        self._annotation = annotation

    def __repr__(self) -> str:
        return f"<output {self._reference.output!r} of step {self._reference.node!r}>"

    def _unknown(self, *_: object) -> Any:
        raise InvalidInput(
            "pipelines.not_known_yet",
            f"The {self!r} is not known while the pipeline is being planned.",
            hint="Use it only as an argument of another step, and look into it there.",
        )

    __bool__ = __iter__ = __len__ = __getitem__ = __add__ = __lt__ = __gt__ = __call__ = _unknown

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._unknown()


class Step(Generic[P, R]):
    """A function that can be a step of pipelines. Made by ``@step``.

    Args:
        function: what the step does; without ``*args`` and ``**kwargs``.
        name: how it is called in graphs; the function's name when empty.
        retries: how many further times it is tried after an exception.
        timeout_ms: after how long it counts as failed.
        cache: whether an earlier result with the same fingerprint is used instead of running it.
        outputs: names of several outputs, where the function returns a plain tuple of them.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str = "",
        retries: int = 0,
        timeout_ms: int | None = None,
        cache: bool = True,
        outputs: tuple[str, ...] = (),
    ) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = name or function.__name__
        self.retries = retries
        self.timeout_ms = timeout_ms
        self.cache = cache
        self._named_outputs = outputs
        self.signature = plain_signature(function, f"The step {self.name!r}")
        if retries < 0:
            raise InvalidInput(
                "pipelines.negative_retries",
                f"The step {self.name!r} asks for {retries} retries.",
                hint="Give 0 or more.",
                value=retries,
            )

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        recorder = recorder_of_plan.get()
        if recorder is None:
            return self.function(*args, **kwargs)
        return cast(R, recorder.record(cast("Step[..., Any]", self), args, kwargs))

    @cached_property
    def annotations(self) -> dict[str, Any]:
        """Resolved annotations, by argument and ``return``."""
        return annotations_of(self.function)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        """Names and annotations of the outputs."""
        if self._named_outputs:
            return dict.fromkeys(self._named_outputs, UNKNOWN)
        returned = self.annotations.get("return", UNKNOWN)
        if _is_named_tuple(returned):
            hints = annotations_of(returned)
            return {name: hints.get(name, UNKNOWN) for name in returned._fields}
        return {SINGLE: returned}

    def handles(self, node: str) -> Any:
        """What a call returns while planning: one handle, or a named tuple of them."""
        made = {
            name: Output(Reference(node=node, output=name), kind)
            for name, kind in self.outputs.items()
        }
        if list(made) == [SINGLE]:
            return made[SINGLE]
        returned = self.annotations.get("return", UNKNOWN)
        if not self._named_outputs and _is_named_tuple(returned):
            return returned(**made)
        return namedtuple("Outputs", list(made))(**made)

    def split(self, returned: object) -> dict[str, object]:
        """What the function returned, by output name.

        Raises:
            InvalidInput: it is not the tuple that the step declares.
        """
        names = list(self.outputs)
        if names == [SINGLE]:
            return {SINGLE: returned}
        if not isinstance(returned, tuple) or len(returned) != len(names):
            raise InvalidInput(
                "pipelines.wrong_outputs",
                f"The step {self.name!r} should return the {len(names)} values "
                f"{', '.join(names)}, but returned {type(returned).__name__}.",
                hint="Return a tuple with one value per declared output.",
            )
        return dict(zip(names, returned, strict=True))


@dataclass
class Recorder:
    """Collects the nodes of one plan."""

    pipeline: str
    nodes: list[Node] = field(default_factory=list)
    steps: dict[str, Step[..., Any]] = field(default_factory=dict)
    made: set[int] = field(default_factory=set)

    def record(self, called: Step[..., Any], args: Any, kwargs: Any) -> Any:
        arguments = _bind(called, args, kwargs)
        for argument, value in arguments.items():
            _check_argument(called, argument, value)
        name = self._free_name(called.name)
        node = Node(
            name=name,
            step=entry_point_of(called.function),
            inputs={key: values.encode(value, self.leaf) for key, value in arguments.items()},
            outputs=tuple(called.outputs),
            retries=called.retries,
            timeout_ms=called.timeout_ms,
            cache=called.cache,
        )
        self.nodes.append(node)
        self.steps[name] = called
        return called.handles(name)

    def leaf(self, value: object) -> values.Tagged | None:
        return value._reference.tree() if isinstance(value, Output) else None

    def _free_name(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self.steps:
            count += 1
            name = f"{wanted}-{count}"
        return name


recorder_of_plan: ContextVar[Recorder | None] = ContextVar(
    "millwrightrecorder_of_plan", default=None
)


def _bind(called: Step[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    try:
        bound = called.signature.bind(*args, **kwargs)
    except TypeError as cause:
        raise InvalidInput(
            "pipelines.wrong_arguments",
            f"The step {called.name!r} cannot be called like this: {cause}.",
            hint=f"It takes {called.signature}.",
        ) from cause
    bound.apply_defaults()
    return bound.arguments


def _check_argument(called: Step[..., Any], argument: str, value: object) -> None:
    wanted = called.annotations.get(argument, UNKNOWN)
    given = value._annotation if isinstance(value, Output) else type(value)
    if not fits(given, wanted):
        raise InvalidInput(
            "pipelines.wrong_type",
            f"The step {called.name!r} takes {spelled(wanted)} as {argument!r}, but is given "
            f"{spelled(given)} ({value!r:.80}).",
            hint="Pass a value of that type, or correct the annotation.",
        )


def plain_signature(function: Callable[..., Any], who: str) -> inspect.Signature:
    """The signature of a function whose arguments all have names, as a graph needs them.

    Raises:
        InvalidInput: it takes ``*args``, ``**kwargs`` or positional-only arguments.
    """
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
            parameter.POSITIONAL_ONLY,
        ):
            raise InvalidInput(
                "pipelines.unnamed_parameters",
                f"{who} has the parameter {parameter}, which cannot be recorded by name.",
                hint="Name each parameter; take a list or a dict where their number varies.",
            )
    return signature


def _is_named_tuple(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")
