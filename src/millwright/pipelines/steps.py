"""A step: a function whose calls, inside a pipeline's function, are recorded instead of made."""

from __future__ import annotations

import inspect
from collections import namedtuple
from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast

from millwright.kernel.errors import InvalidInput
from millwright.pipelines.compatibility import UNKNOWN, annotations_of
from millwright.pipelines.entry_point import entry_point_of
from millwright.pipelines.graph import SINGLE, Reference, Setting
from millwright.pipelines.recording import Output, recorder_of_plan

P = ParamSpec("P")
R = TypeVar("R")


class Step(Generic[P, R]):
    """A function that can be a step of pipelines. Made by ``@step``.

    Args:
        function: what the step does; without ``*args`` and ``**kwargs``.
        name: how it is called in graphs; the function's name when empty.
        retries: how many further times it is tried after an exception.
        timeout_ms: after how long it counts as failed.
        cache: whether an earlier result with the same fingerprint is used instead of running it.
        outputs: names of several outputs, where the function returns a plain tuple of them.
        setting: how its calls want to be run, where that is not the usual way.
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
        setting: Setting | None = None,
    ) -> None:
        update_wrapper(self, function)
        self.function = function
        self.name = name or function.__name__
        self.retries = retries
        self.timeout_ms = timeout_ms
        self.cache = cache
        self.setting = setting
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

    def map(self, items: Any, /, **same: Any) -> list[R]:
        """Call the step for each item of a collection that may be known only at run time.

        Args:
            items: for the first parameter, one by one: a list, or what another step makes.
            same: the other parameters, the same for every item.

        Returns:
            The results in the order of the items; while planning, one handle to their list.
        """
        recorder = recorder_of_plan.get()
        if recorder is None:
            return [cast("Callable[..., R]", self.function)(item, **same) for item in items]
        return cast("list[R]", recorder.record_map(cast("Step[..., Any]", self), items, same))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(self.signature.parameters)

    @cached_property
    def entry_point(self) -> str:
        """``module:attribute`` of the function."""
        return entry_point_of(self.function)

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
