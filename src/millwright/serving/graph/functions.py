"""Functions of the people who wrote a graph: found, called with columns, and held to what they gave.

A function takes a dictionary of lists, a list for each column, and returns one. Numbers are floats,
truths bools, None what is not known. A ``ValueError`` says that the rows are wrong (400, with its
words); anything else is the function's own mistake (500, and a traceback in the server's log).
"""

from __future__ import annotations

import importlib
import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from millwright.kernel.errors import Corrupt, Forbidden, MillwrightError, NotFound
from millwright.kernel.model_package import Kind
from millwright.serving.graph.frame import Columns, Values

Function = Callable[[Columns], Mapping[str, Sequence[Any]]]
_TYPES: dict[Kind, tuple[type, ...]] = {
    "numeric": (float, int),
    "categorical": (str,),
    "boolean": (bool,),
}


class NodeFailed(MillwrightError):
    """A node of a graph failed for a reason of its own."""

    status, exit_code = 500, 5


class Functions:
    """The functions of one graph; a file is run once, whatever the number of its functions."""

    def __init__(self, folder: Path, *, trust_code: bool) -> None:
        """Find files in ``folder``; nothing opens unless ``trust_code`` says that code may run."""
        self._folder = folder
        self._trusted = trust_code
        self._modules: dict[str, types.ModuleType] = {}

    def open(self, place: str) -> Function:
        """The function at ``FILE.py:NAME`` or ``package.module:NAME``.

        Raises:
            Forbidden: nobody said that code may run.
            NotFound: there is no such file, module or function.
            Corrupt: the file or module cannot be loaded, or the function takes something else.
        """
        if not self._trusted:
            raise Forbidden(
                "serving.graph_code",
                f"The graph runs the function {place}, which nobody has said to trust.",
                hint="If you know where it comes from, say --trust-code (mw serve, mw deploy, mw predict).",
            )
        home, _, name = place.partition(":")
        found = getattr(self._module(home), name, None)
        if not callable(found):
            raise NotFound("serving.graph_function", f"{home} has no function '{name}'.")
        try:
            inspect.signature(found).bind({})
        except (TypeError, ValueError) as cause:
            raise Corrupt(
                "serving.graph_function",
                f"The function {place} should take one argument, a dictionary of columns: {cause}.",
            ) from cause
        function: Function = found
        return function

    def _module(self, home: str) -> types.ModuleType:
        known = self._modules.get(home)
        if known is None:
            try:
                known = self._loaded(home)
            except (FileNotFoundError, ModuleNotFoundError) as cause:
                raise NotFound(
                    "serving.graph_function",
                    f"There is no {home} for the graph in {self._folder}: {cause}.",
                    hint="Put the file beside the graph, or install the package it is in.",
                ) from cause
            except Exception as cause:
                raise Corrupt(
                    "serving.graph_function",
                    f"{home} cannot be loaded: {type(cause).__name__}: {str(cause)[:300]}",
                ) from cause
            self._modules[home] = known
        return known

    def _loaded(self, home: str) -> types.ModuleType:
        if not home.endswith(".py"):
            return importlib.import_module(home)
        path = self._folder / home
        module = types.ModuleType(f"millwright_graph_{home.removesuffix('.py')}")
        module.__file__ = str(path)
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # noqa: S102 - trusted
        return module


def checked(given: object, promised: Mapping[str, Kind], count: int) -> Columns:
    """What a function returned, as the graph takes it.

    Raises:
        TypeError: it is not what was promised; the message is half a sentence.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"returned {type(given).__name__} and not a dictionary of columns")
    odd = sorted(set(map(str, given)) ^ set(promised))
    if odd:
        raise TypeError(
            f"{'did not return' if odd[0] in promised else 'returned'} '{odd[0]}', and says that it "
            f"gives {', '.join(promised)}"
        )
    return {name: _values(name, given[name], kind, count) for name, kind in promised.items()}


def _values(name: str, given: Any, kind: Kind, count: int) -> Values:
    values = list(given.tolist() if hasattr(given, "tolist") else given)
    if len(values) != count:
        raise TypeError(f"returned {len(values)} values of '{name}' for {count} rows")
    for row, value in enumerate(values):
        if value is None or (kind == "numeric" and type(value) is float and value == value):
            continue  # what nearly every value is
        values[row] = _value(name, row, value, kind)
    return values


def _value(name: str, row: int, value: Any, kind: Kind) -> Any:
    plain: Any = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float) and math.isnan(plain):
        return None
    if type(plain) not in _TYPES[kind]:
        raise TypeError(f"returned {plain!r:.60} as '{name}' of row {row}, which is {kind}")
    return plain if kind == "categorical" else float(plain)


def as_people_write(values: Values, kind: Kind) -> Values:
    """Truths as bools: inside they are numbers."""
    if kind != "boolean":
        return list(values)
    return [None if value is None else bool(value) for value in values]
