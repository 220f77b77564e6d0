"""Type annotations, as far as they can be judged before anything runs.

Only what is certainly wrong is refused: an annotation that says nothing (``Any``, a type variable,
a protocol) fits everything.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from millwright.kernel.errors import InvalidInput

UNKNOWN: Any = Any


def annotations_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The resolved annotations of a function; empty where they cannot be resolved."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


def fits(source: Any, target: Any) -> bool:
    """Whether a value annotated ``source`` may be given where ``target`` is expected.

    >>> fits(int, float), fits(int, str), fits(list[int], Any), fits(str | None, str)
    (True, False, True, True)
    """
    try:
        return _known_fits(source, target)
    except TypeError:  # an annotation with something inside that has no hash
        return _fits(source, target)


def _fits(source: Any, target: Any) -> bool:
    sources, targets = _classes(source), _classes(target)
    if sources is None or targets is None:
        return True
    return any(_class_fits(one, other) for one in sources for other in targets)


_known_fits = lru_cache(maxsize=4096)(_fits)


def conform(value: object, annotation: Any, name: str) -> object:
    """The value as its annotation wants it; text from a command line is read as that type.

    Raises:
        InvalidInput: the value cannot be meant for that annotation.

    >>> conform("3", int, "depth"), conform('["a"]', tuple[str, ...], "names")
    (3, ('a',))
    """
    wanted = _classes(annotation)
    if wanted is None or any(_is_instance(value, kind) for kind in wanted):
        return value
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    except PydanticUserError:
        raise _wrong(value, annotation, name) from None
    try:
        return adapter.validate_python(value)
    except ValueError as cause:
        if not isinstance(value, str):
            raise _wrong(value, annotation, name) from cause
    try:
        return adapter.validate_json(value)
    except ValueError as cause:
        raise _wrong(value, annotation, name) from cause


def spelled(annotation: Any) -> str:
    """An annotation as one would write it."""
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _wrong(value: object, annotation: Any, name: str) -> InvalidInput:
    return InvalidInput(
        "pipelines.wrong_type",
        f"{name!r} should be {spelled(annotation)}, but is {type(value).__name__} {value!r:.80}.",
        hint="Pass a value of that type.",
        value=value,
    )


def _classes(annotation: Any) -> tuple[type[Any], ...] | None:
    """The classes an annotation allows, or None where it does not say."""
    if annotation is None:
        return (type(None),)
    if annotation is Any:  # a class since Python 3.11
        return None
    origin = get_origin(annotation)
    if origin is Annotated:
        return _classes(get_args(annotation)[0])
    if origin is Literal:
        return tuple({type(value) for value in get_args(annotation)})
    if origin is Union or isinstance(annotation, types.UnionType):
        found: list[type[Any]] = []
        for part in get_args(annotation):
            inner = _classes(part)
            if inner is None:
                return None
            found += inner
        return tuple(found)
    kind = origin or annotation
    if not isinstance(kind, type) or kind is object or getattr(kind, "_is_protocol", False):
        return None
    return (kind,)


def _class_fits(source: type[Any], target: type[Any]) -> bool:
    if target is float and source is int:
        return True
    try:
        # A base class may turn out to hold the wanted one: not certainly wrong.
        return issubclass(source, target) or issubclass(target, source)
    except TypeError:
        return True


def _is_instance(value: object, kind: type[Any]) -> bool:
    if kind is float and type(value) is int:
        return True
    if kind is int and isinstance(value, bool):
        return False
    try:
        return isinstance(value, kind)
    except TypeError:
        return True
