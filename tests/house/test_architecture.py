"""The house is built as it is drawn: what import-linter cannot see is checked here."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "millwright"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts)
ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))

LARGEST_MODULE = 500
LARGEST_FUNCTION = 60
EMPTY_WORDS = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager|handlers?|legacy)(_|$)")
HEAVY = [
    "numpy",
    "pyarrow",
    "pandas",
    "polars",
    "onnxruntime",
    "scipy",
    "sklearn",
    "lightgbm",
    "optuna",
    "onnx",
    "pydantic",
    "sqlalchemy",
    "alembic",
    "fastapi",
    "starlette",
    "uvicorn",
    "httpx",
]
FRAMES = {"cli", "server"}
"""They mount what rooms offer them: routes, commands, tables."""
OFFERED = {"routes", "commands", "tables"}
PYTHON_API = "__init__.py"
"""The package itself offers each room's ``api`` module as ``mw.…``, lazily."""
TRAINING_ONLY = {"sklearn", "lightgbm", "optuna", "scipy", "onnx", "skl2onnx"}
NEVER = {"pandas", "polars"}
DATA_ONLY = {"duckdb"}
HANDS_OUT = {"data.handles.reading", "kernel.runtimes.pyfunc", "registry.adopting"}
"""Gives tables to people, and to models of others, in the frames they work with; nothing inside is
computed on them."""
LEARNERS = ("training.", "registry.", "kernel.runtimes.", "pipelines.native_models")
"""Where models are made, converted, and read in the form of the library that made them."""


def name_of(path: Path) -> str:
    """A module's place under ``millwright``, for messages."""
    return path.relative_to(SOURCE).with_suffix("").as_posix().replace("/", ".")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that a tree imports, in functions too; ``from a import b`` gives ``a``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the module in full"
            yield node.module or ""


def offenders(found: Iterator[str]) -> str:
    """One line per finding; empty is what a test wants."""
    return "\n".join(sorted(set(found)))


def test_rooms_use_one_another_only_through_the_public_face() -> None:
    def found() -> Iterator[str]:
        for path in MODULES:
            room = path.relative_to(SOURCE).parts[0]
            for module in imports(parsed(path)):
                parts = module.split(".")
                if parts[0] != "millwright" or len(parts) < 3 or parts[1] in {"kernel", room}:
                    continue
                if room in FRAMES and parts[-1] in OFFERED:
                    continue
                if room == PYTHON_API and parts[-1] == "api":
                    continue
                yield f"{name_of(path)} imports {module}"

    assert offenders(found()) == ""


def test_modules_and_functions_stay_readable() -> None:
    def found() -> Iterator[str]:
        for path in MODULES:
            text = path.read_text("utf-8")
            if (lines := text.count("\n")) > LARGEST_MODULE:
                yield f"{name_of(path)} has {lines} lines"
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    length = (node.end_lineno or node.lineno) - node.lineno + 1
                    if length > LARGEST_FUNCTION:
                        yield f"{name_of(path)}.{node.name} has {length} lines"

    assert offenders(found()) == ""


def test_every_module_and_public_name_says_what_it_is_for() -> None:
    def found() -> Iterator[str]:
        for path in MODULES:
            tree = parsed(path)
            if tree.body and ast.get_docstring(tree) is None:
                yield f"{name_of(path)}: the module"
            for node in tree.body:
                named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                if named and any("overload" in ast.dump(mark) for mark in node.decorator_list):
                    continue
                if named and not node.name.startswith("_") and ast.get_docstring(node) is None:
                    yield f"{name_of(path)}.{node.name}"

    assert offenders(found()) == ""


def test_modules_are_named_after_ideas() -> None:
    empty = (name_of(path) for path in MODULES if EMPTY_WORDS.search(path.stem))
    assert offenders(empty) == ""


def test_engines_stay_in_their_rooms_and_data_frames_of_others_outside() -> None:
    def found() -> Iterator[str]:
        for path in MODULES:
            room = path.relative_to(SOURCE).parts[0]
            for module in imports(parsed(path)):
                top = module.split(".")[0]
                learners = top in TRAINING_ONLY and not name_of(path).startswith(LEARNERS)
                outside = top in NEVER and name_of(path) not in HANDS_OUT
                if outside or learners or (top in DATA_ONLY and room != "data"):
                    yield f"{name_of(path)} imports {module}"

    assert offenders(found()) == ""


def test_learners_are_imported_only_where_they_are_used() -> None:
    def found() -> Iterator[str]:
        for path in MODULES:
            for node in parsed(path).body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for module in imports(ast.Module([node], [])):
                        if module.split(".")[0] in TRAINING_ONLY:
                            yield f"{name_of(path)} imports {module} at its top"

    assert offenders(found()) == ""


@pytest.mark.parametrize(
    "statement", ["import millwright", "from millwright.cli.main import main"], ids=["api", "mw"]
)
def test_starting_loads_nothing_heavy(statement: str) -> None:
    code = (
        f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert set(done.stdout.split()) & set(HEAVY) == set()


def test_the_architecture_page_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    assert [room for room in ROOMS if not re.search(rf"^  {room}/ +\S", page, re.MULTILINE)] == []


def test_every_module_that_the_architecture_page_names_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", page))
    assert named
    assert [name for name in sorted(named) if not (SOURCE / name).exists()] == []
