"""Names of code: ``module:attribute`` to a function or class and back.

A stored run names its pipeline this way, and a stored record names its class. Only code of
Millwright or of the project's own folder is ever loaded by such a name, so a name that came out of
a database cannot reach ``os:system``.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import sysconfig
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from millwright.kernel.errors import Forbidden, NotFound, nearest

PACKAGE = "millwright"


def entry_point_of(thing: Any) -> str:
    """The ``module:attribute`` name of a function or class.

    A script's ``__main__`` is named as the module it would be if imported, so that what a script
    stored can be read when the same file is loaded by name.

    >>> from millwright.kernel.record import Record
    >>> entry_point_of(Record)
    'millwright.kernel.record:Record'
    """
    module = thing.__module__
    return f"{_main_name() if module == '__main__' else module}:{thing.__qualname__}"


def load_entry_point(name: str, folder: Path) -> Any:
    """The object that ``name`` names, from Millwright or from ``folder`` and nowhere else.

    Raises:
        Forbidden: the module is neither Millwright's nor in the folder.
        NotFound: there is no such module or attribute.
    """
    module_name, _, attribute = name.partition(":")
    return _attribute(_module_in(module_name, folder.resolve()), attribute, name)


def loaded_class(name: str) -> type[Any]:
    """The class that ``name`` names, if its module is Millwright's or loaded already.

    Raises:
        Forbidden: the module is foreign or not loaded.
        NotFound: the module has no such class.
    """
    module_name, _, attribute = name.partition(":")
    module = sys.modules.get(module_name)
    if module_name == _main_name():
        module = sys.modules["__main__"]
    elif module is None and module_name.split(".")[0] == PACKAGE:
        module = importlib.import_module(module_name)
    if module is None or not (is_millwright(module) or is_project(module)):
        raise Forbidden(
            "pipelines.foreign_class",
            f"A stored value names the class {name}, which is not part of this project.",
            hint="Import the class in the module that defines the pipeline.",
        )
    found = _attribute(module, attribute, name)
    if not isinstance(found, type):
        raise NotFound("pipelines.unknown_class", f"{name} is not a class.")
    return found


def load_file(path: Path) -> ModuleType:
    """A Python file as a module named after it, with its folder importable.

    Raises:
        NotFound: there is no such file.
    """
    if not path.is_file():
        raise NotFound("pipelines.no_file", f"There is no file {path}.", hint="Check the path.")
    return _module_in(path.stem, path.parent.resolve())


def is_millwright(module: ModuleType) -> bool:
    """Whether a module is part of this package."""
    return module.__name__.split(".")[0] == PACKAGE


def is_project(module: ModuleType) -> bool:
    """Whether a module is the user's own: neither installed, nor of the standard library."""
    return module.__name__.split(".")[0] != PACKAGE and is_project_file(
        getattr(module, "__file__", None)
    )


@cache
def is_project_file(file: str | None) -> bool:
    """Whether a source file lies outside the installed packages and the standard library."""
    if file is None or file.startswith("<"):
        return False
    path = Path(file).resolve()
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    return not path.is_relative_to(_standard_library())


@cache
def _standard_library() -> Path:
    return Path(sysconfig.get_path("stdlib")).resolve()


def _module_in(name: str, folder: Path) -> ModuleType:
    top = name.split(".")[0]
    if top == PACKAGE:
        return _import(name)
    if name == _main_name() and Path(sys.modules["__main__"].__file__ or "").parent == folder:
        return sys.modules["__main__"]
    spec = PathFinder.find_spec(top, [str(folder)])
    origin = (
        None
        if spec is None
        else spec.origin or next(iter(spec.submodule_search_locations or ()), None)
    )
    if origin is None or not Path(origin).resolve().is_relative_to(folder):
        raise Forbidden(
            "pipelines.foreign_module",
            f"The module {name!r} is not in the project's folder {folder}.",
            hint="Pipelines are loaded from the project's folder only; run there.",
            value=name,
        )
    present = sys.modules.get(top)
    if present is not None and getattr(present, "__file__", None) != spec.origin:  # type: ignore[union-attr]
        if not is_project(present):
            raise Forbidden(
                "pipelines.shadowed_module",
                f"{origin} has the name of another module that is in use.",
                hint="Rename the file.",
                value=name,
            )
        for loaded in [key for key in sys.modules if key == top or key.startswith(f"{top}.")]:
            del sys.modules[loaded]
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    return _import(name)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as cause:
        if cause.name is not None and name.startswith(cause.name):
            raise NotFound("pipelines.no_module", f"There is no module {name}.") from cause
        raise


def _attribute(module: ModuleType, path: str, name: str) -> Any:
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            guess = nearest(part, [key for key in vars(found) if not key.startswith("_")])
            raise NotFound(
                "pipelines.no_attribute",
                f"{name} does not exist.",
                hint=f"Did you mean '{guess}'?" if guess else "Was it renamed or removed?",
                value=part,
            )
        found = getattr(found, part)
    return found


def _main_name() -> str:
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else "__main__"
