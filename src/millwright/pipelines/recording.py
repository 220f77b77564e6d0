"""Recording a pipeline's function: each call of a step becomes a node of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import GenericAlias
from typing import TYPE_CHECKING, Any, get_args, get_origin

from millwright.kernel.errors import InvalidInput
from millwright.pipelines import values
from millwright.pipelines.compatibility import UNKNOWN, fits, spelled
from millwright.pipelines.graph import SINGLE, Condition, Node, NodeKind, Reference
from millwright.pipelines.trusted import trusted

if TYPE_CHECKING:
    from millwright.pipelines.steps import Step


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

    @property
    def reference(self) -> Reference:
        """Which output of which node it stands for."""
        return self._reference

    @property
    def annotation(self) -> Any:
        """The type it will have."""
        return self._annotation


@dataclass
class Recorder:
    """Collects the nodes of one plan."""

    pipeline: str
    nodes: list[Node] = field(default_factory=list)
    steps: dict[str, Step[..., Any]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    prefix: str = ""
    conditions: tuple[Condition, ...] = ()
    barrier: tuple[str, ...] = ()
    """What every node from here on comes after."""
    in_sequence: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    """How often a name was asked for, so that the next free one is found at once."""

    def record(self, called: Step[..., Any], args: Any, kwargs: Any) -> Any:
        """A call of a step; handles to its outputs."""
        arguments = _bind(called, args, kwargs)
        for argument, value in arguments.items():
            _check_argument(called, argument, value)
        name = self.add(called, arguments, "step", tuple(called.outputs))
        return called.handles(name)

    def record_map(self, called: Step[..., Any], items: Any, same: dict[str, Any]) -> Output:
        """A call of a step for each of some items; a handle to the list of results."""
        if list(called.outputs) != [SINGLE]:
            raise InvalidInput(
                "pipelines.map_of_several",
                f"The step {called.name!r} has several outputs and cannot be mapped.",
                hint="Return one value, such as a dataclass or a dictionary.",
            )
        first = next(iter(called.signature.parameters), None)
        if first is None or first in same:
            raise InvalidInput(
                "pipelines.wrong_arguments",
                f"The step {called.name!r} is given items, and has no parameter for them.",
                hint="The items are for its first parameter.",
            )
        arguments = _bind(called, (items,), same)
        for argument, value in arguments.items():
            if argument != first:
                _check_argument(called, argument, value)
        _check_items(called, first, items)
        name = self.add(called, arguments, "map", (SINGLE,), over=(first,))
        made = called.annotations.get("return", UNKNOWN)
        kind: Any = list if made is UNKNOWN else GenericAlias(list, (made,))
        return Output(Reference(name, SINGLE), kind)

    def add(
        self,
        called: Step[..., Any],
        arguments: dict[str, Any],
        kind: NodeKind,
        outputs: tuple[str, ...],
        **more: Any,
    ) -> str:
        """A node that calls a step; its name."""
        name = self.free_name(called.name)
        self.steps[name] = called
        given: dict[str, Any] = {
            "name": name,
            "step": called.entry_point,
            "inputs": {key: values.encode(value, leaf) for key, value in arguments.items()},
            "outputs": outputs,
            "retries": called.retries,
            "timeout_ms": called.timeout_ms,
            "cache": called.cache,
            "kind": kind,
            "when": self.conditions,
            "after": self.barrier,
            "setting": called.setting,
        }
        # What is recorded has these types already; a graph that is read is checked.
        self.place(trusted(Node, **given, **more))
        return name

    def place(self, node: Node) -> None:
        """Append a node; in a sequence the next one comes after it."""
        self.nodes.append(node)
        self.names.add(node.name)
        if self.in_sequence:
            self.barrier = (node.name,)

    def free_name(self, wanted: str) -> str:
        """``wanted`` below the sub-pipeline we are in, with a number where that is taken."""
        first = self.prefix + wanted
        count = self.counts.get(first, 0) + 1
        name = first if count == 1 else f"{first}-{count}"
        while name in self.names:
            count += 1
            name = f"{first}-{count}"
        self.counts[first] = count
        return name

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """Nodes recorded in the block are those of a sub-pipeline."""
        before, self.prefix = self.prefix, self.free_name(name) + "/"
        self.names.add(self.prefix[:-1])
        try:
            yield
        finally:
            self.prefix = before

    @contextmanager
    def under(self, condition: Condition) -> Iterator[None]:
        """Nodes recorded in the block run only if the condition holds."""
        before, self.conditions = self.conditions, (*self.conditions, condition)
        try:
            yield
        finally:
            self.conditions = before

    @contextmanager
    def sequence(self) -> Iterator[None]:
        """Of the nodes recorded in the block each comes after the one before."""
        before, self.in_sequence = (self.in_sequence, self.barrier), True
        try:
            yield
        finally:
            self.in_sequence, self.barrier = before


recorder_of_plan: ContextVar[Recorder | None] = ContextVar("millwright_plan", default=None)


def leaf(value: object) -> values.Tagged | None:
    """A handle as it stands in a tree of arguments."""
    return value.reference.tree() if isinstance(value, Output) else None


def _bind(called: Step[..., Any], args: Any, kwargs: Any) -> dict[str, Any]:
    names = called.names
    if len(args) + len(kwargs) == len(names) and all(name in kwargs for name in names[len(args) :]):
        return {**dict(zip(names, args, strict=False)), **kwargs}
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
    given = value.annotation if isinstance(value, Output) else type(value)
    _check(called, argument, given, value)


def _check_items(called: Step[..., Any], argument: str, items: object) -> None:
    if isinstance(items, Output):
        kind = items.annotation
        origin = get_origin(kind) or kind
        if isinstance(origin, type) and not fits(origin, list | tuple | set):
            raise InvalidInput(
                "pipelines.not_a_collection",
                f"The step {called.name!r} is mapped over {items!r}, which is {spelled(kind)}.",
                hint="Map over a step that returns a list.",
            )
        inside = get_args(kind)
        _check(called, argument, inside[0] if inside else UNKNOWN, items)
        return
    for item in items if isinstance(items, list | tuple) else ():
        _check_argument(called, argument, item)


def _check(called: Step[..., Any], argument: str, given: Any, value: object) -> None:
    wanted = called.annotations.get(argument, UNKNOWN)
    if not fits(given, wanted):
        raise InvalidInput(
            "pipelines.wrong_type",
            f"The step {called.name!r} takes {spelled(wanted)} as {argument!r}, but is given "
            f"{spelled(given)} ({value!r:.80}).",
            hint="Pass a value of that type, or correct the annotation.",
        )
