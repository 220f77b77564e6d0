"""What a function does, as digests: its own code and all code of the project that it reaches.

Compiled instructions are compared rather than text: they are what runs, and comments, formatting
and docstrings are not part of them. Installed packages are covered by the environment's digest.
"""

from __future__ import annotations

import dis
import importlib.util
import inspect
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from blake3 import blake3
from pydantic import JsonValue

from millwright.kernel.errors import InvalidInput
from millwright.kernel.objects import digest_of_file
from millwright.pipelines import values
from millwright.pipelines.entry_point import (
    entry_point_of,
    is_millwright,
    is_project,
    is_project_file,
)

_SILENT = {"CACHE", "RESUME", "NOP", "EXTENDED_ARG", "PRECALL"}
_CONSTANTS = (int, float, complex, str, bytes, bool, type(None), tuple, frozenset, Path)


def code_of(function: Any) -> dict[str, str]:
    """Digests by name of a function and of every project function, class and constant it reaches.

    Functions and classes are followed through global names, closures, decorators, and attributes of
    project modules. For Millwright's own steps the package as a whole stands for its code.
    """
    return _Walk().run(function)


class _Walk:
    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.seen: dict[int, object] = {}  # keeps each object alive, so that ids stay unique
        self.pending: list[Any] = []

    def run(self, function: Any) -> dict[str, str]:
        self.follow(function)
        while self.pending:
            self.describe(self.pending.pop())
        return dict(sorted(self.found.items()))

    def follow(self, thing: Any) -> JsonValue:
        """Queue code for description; the value of a constant is returned to its user."""
        if isinstance(thing, FunctionType | type):
            self.queue(thing)
        elif isinstance(thing, staticmethod | classmethod):
            self.follow(thing.__func__)
        elif isinstance(thing, property):
            for part in (thing.fget, thing.fset, thing.fdel):
                self.follow(part)
        elif inspect.ismethod(thing):
            self.follow(thing.__func__)
        elif hasattr(thing, "__wrapped__"):
            self.follow(thing.__wrapped__)
        elif not isinstance(thing, _CONSTANTS):
            self.queue(type(thing))
        return _constant(thing)

    def queue(self, thing: Any) -> None:
        if id(thing) in self.seen:
            return
        self.seen[id(thing)] = thing
        module = sys.modules.get(thing.__module__ or "")
        if module is not None and is_millwright(module):
            if not self.found and not self.pending:
                self.found["millwright"] = package_digest()
            return
        if isinstance(thing, type):
            if module is not None and is_project(module):
                self.pending.append(thing)
        elif is_project_file(thing.__code__.co_filename) or (not self.found and not self.pending):
            self.pending.append(thing)

    def describe(self, thing: Any) -> None:
        name = entry_point_of(thing)
        while name in self.found:
            name += "'"
        self.found[name] = ""
        tree = self.class_tree(thing) if isinstance(thing, type) else self.function_tree(thing)
        self.found[name] = values.digest_of(tree)

    def function_tree(self, function: FunctionType) -> JsonValue:
        code = function.__code__
        reached: dict[str, JsonValue] = {}
        names = set(_names(code))
        for name in sorted(names & function.__globals__.keys()):
            thing = function.__globals__[name]
            if isinstance(thing, ModuleType):
                self.module_members(name, thing, names, reached)
            elif isinstance(thing, list | dict | set) and not name.isupper():
                continue  # a variable of the module, not a constant
            else:
                reached[name] = self.follow(thing)
        for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            try:
                reached[f"closure {name}"] = self.follow(cell.cell_contents)
            except ValueError:
                continue  # a name that is not bound yet
        for imported in sorted(set(_imports(code))):
            self.local_import(imported)
        defaults = [self.follow(value) for value in function.__defaults__ or ()]
        keyword = {
            key: self.follow(value) for key, value in (function.__kwdefaults__ or {}).items()
        }
        return {
            "code": _code_tree(code),
            "reached": reached,
            "defaults": defaults,
            "keyword": keyword,
        }

    def module_members(
        self, alias: str, module: ModuleType, names: set[str], reached: dict[str, JsonValue]
    ) -> None:
        if not is_project(module):
            return
        for name in sorted(names & vars(module).keys()):
            if not isinstance(vars(module)[name], ModuleType):
                reached[f"{alias}.{name}"] = self.follow(vars(module)[name])

    def local_import(self, name: str) -> None:
        """A module imported inside a function counts as a whole: its text is digested."""
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return
        # Some of Python's own modules are in no file: time and sys, say.
        origin = None if spec is None or not spec.has_location else spec.origin
        top = name.split(".")[0]
        if origin is not None and top != "millwright" and is_project_file(origin):
            self.found[f"{name} (imported)"] = digest_of_file(Path(origin))

    def class_tree(self, kind: type[Any]) -> JsonValue:
        members: dict[str, JsonValue] = {}
        for name, member in sorted(vars(kind).items()):
            hidden = name.startswith("__") and not callable(member)
            if not hidden and not name.startswith(("_abc_", "__pydantic", "_dataclass")):
                members[name] = self.follow(member)
        for base in kind.__bases__:
            self.follow(base)
        fields = getattr(kind, "model_fields", {})
        return {
            "members": members,
            "annotations": {k: str(v) for k, v in vars(kind).get("__annotations__", {}).items()},
            "bases": [base.__qualname__ for base in kind.__bases__],
            "defaults": {name: _constant(field.default) for name, field in fields.items()},
        }


@cache
def package_digest() -> str:
    """Version and source of Millwright itself, which stand for the code of its own steps."""
    import millwright

    hasher = blake3(millwright.__version__.encode())
    root = Path(millwright.__file__).parent
    for path in sorted(root.rglob("*.py")):
        hasher.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return hasher.hexdigest()


@lru_cache(maxsize=4096)
def _code_digest(code: CodeType) -> str:
    instructions: list[JsonValue] = [
        [instruction.opname, _argument(instruction.argval)]
        for instruction in dis.get_instructions(code)
        if instruction.opname not in _SILENT
    ]
    return values.digest_of([instructions, code.co_exceptiontable.hex()])


def _code_tree(code: CodeType) -> JsonValue:
    count = code.co_argcount + code.co_kwonlyargcount
    return [_code_digest(code), list(code.co_varnames[:count]), code.co_flags & 0x2AC]


def _argument(value: object) -> JsonValue:
    if isinstance(value, CodeType):
        return _code_tree(value)
    if isinstance(value, frozenset):
        return " ".join(sorted(repr(item) for item in value))
    if isinstance(value, tuple):
        return [_argument(item) for item in value]
    return f"{type(value).__name__} {value!r}"


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _names(code: CodeType) -> Iterator[str]:
    for part in _nested(code):
        yield from part.co_names


def _imports(code: CodeType) -> Iterator[str]:
    for part in _nested(code):
        for instruction in dis.get_instructions(part):
            if instruction.opname == "IMPORT_NAME" and instruction.argval:
                yield str(instruction.argval)


def _constant(thing: object) -> JsonValue:
    if isinstance(thing, bytes):
        return thing.hex()
    if callable(thing):
        return None
    try:
        return values.encode(thing)
    except InvalidInput:
        return None  # not a constant: what it can do is in its class
