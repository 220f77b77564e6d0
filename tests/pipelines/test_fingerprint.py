"""What makes a step run again, and what does not."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from millwright.pipelines.code_digest import code_of, package_digest
from millwright.pipelines.fingerprint import (
    Fingerprint,
    environment_digest,
    explain,
    installed,
    recipe,
)

Load = Callable[..., ModuleType]

HELP = """
    def scale(x):
        return x * 2
"""
MAIN = """
    import millwright as mw
    from lib_under_test import scale

    LIMIT = 10
    cache = {}

    class Model:
        rate = 0.5
        def fit(self, x):
            return inner(x) * self.rate

    def inner(x):
        return min(x, LIMIT)

    def unrelated():
        return 1

    @mw.step
    def work(x: int) -> float:
        '''Words about it.'''
        # a comment
        cache[x] = 1
        return Model().fit(scale(x))
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Loads the two modules from texts, each time afresh."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def loaded(main: str = MAIN, lib: str = HELP) -> ModuleType:
        for name, text in (("lib_under_test", lib), ("main_under_test", main)):
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module("main_under_test")

    yield loaded
    for name in ("lib_under_test", "main_under_test"):
        sys.modules.pop(name, None)


def test_all_project_code_that_is_reached_is_found(load: Load) -> None:
    assert set(code_of(load().work)) == {
        "main_under_test:work",
        "main_under_test:Model",
        "main_under_test:Model.fit",
        "main_under_test:inner",
        "lib_under_test:scale",
    }


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return x * 2", "return x * 3", {"lib_under_test:scale"}),
        ("min(x, LIMIT)", "max(x, LIMIT)", {"main_under_test:inner"}),
        ("LIMIT = 10", "LIMIT = 11", {"main_under_test:inner"}),
        ("rate = 0.5", "rate = 0.6", {"main_under_test:Model"}),
        ("inner(x) * self.rate", "inner(x) / self.rate", {"main_under_test:Model.fit"}),
        ("return 1", "return 2", set()),
        ("# a comment", "# another", set()),
        ("Words about it.", "Other words.", set()),
        ("'''Words about it.'''", "", set()),
        ("    cache = {}", "    cache = {1: 2}", set()),
        ("def inner(x):", "def inner(x):\n\n        # moved down", set()),
    ],
)
def test_what_runs_is_compared_not_how_it_is_written(
    load: Load, old: str, new: str, changed: set[str]
) -> None:
    before = code_of(load().work)
    assert old in MAIN + HELP
    after = code_of(load(MAIN.replace(old, new), HELP.replace(old, new)).work)
    assert {name for name in before if before[name] != after.get(name)} == changed


def test_code_in_decorators_closures_and_methods_of_modules_is_followed(load: Load) -> None:
    main = """
        import functools
        import lib_under_test

        def twice(function):
            @functools.wraps(function)
            def wrapper(*args):
                return function(*args) * 2
            return wrapper

        def work(x):
            return decorated(x) + lib_under_test.scale(x)

        @twice
        def decorated(x):
            return x + 1
    """
    names = set(code_of(load(main).work))
    assert {"main_under_test:decorated", "lib_under_test:scale"} <= names
    before = code_of(load(main).work)
    assert before != code_of(load(main.replace("x + 1", "x + 2")).work)


def test_a_module_imported_inside_a_step_counts_as_a_whole(load: Load) -> None:
    main = """
        def work(x):
            from lib_under_test import scale
            return scale(x)
    """
    before = code_of(load(main).work)
    assert "lib_under_test (imported)" in before
    assert before != code_of(load(main, HELP.replace("2", "3")).work)


def test_a_module_of_python_that_is_in_no_file_may_be_imported_inside_a_step(load: Load) -> None:
    assert list(
        code_of(load("def work(x):\n    import sys, time\n    return sys.byteorder").work)
    ) == ["main_under_test:work"]


def test_millwrights_own_steps_stand_for_the_whole_package() -> None:
    from millwright.pipelines.fingerprint import explain as own

    assert code_of(own) == {"millwright": package_digest()}


def test_the_same_code_has_the_same_digest_in_another_process(load: Load, tmp_path: Path) -> None:
    import subprocess

    main = "LIMITS = frozenset({'a', 'b', 'c'})\ndef work(x):\n    return x in {'p', 'q', 'r'} or x in LIMITS\n"
    expected = code_of(load(main).work)
    script = (
        "import main_under_test; from millwright.pipelines.code_digest import code_of;"
        "print(code_of(main_under_test.work))"
    )
    for seed in ("1", "2"):
        said = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.strip() == str(expected)


def _fingerprint(**changes: Any) -> Fingerprint:
    parts: dict[str, Any] = {
        "code": {"m:f": "1"},
        "parameters": {"depth": "2"},
        "inputs": {"table": "3"},
        "environment": "4",
    }
    return Fingerprint(**(parts | changes))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ()),
        ({"code": {"m:f": "9"}}, ("the code of m:f changed",)),
        ({"code": {"m:f": "1", "m:g": "1"}}, ("the code of m:g is new",)),
        ({"parameters": {}}, ("the parameter depth is gone",)),
        ({"inputs": {"table": "9"}}, ("the input table changed",)),
        ({"environment": "9"}, ("the installed packages changed",)),
    ],
)
def test_the_part_that_differs_is_named(changes: dict[str, Any], said: tuple[str, ...]) -> None:
    before, after = _fingerprint(), _fingerprint(**changes)
    assert explain(before, after) == said
    assert (before.key == after.key) == (not said)


def test_a_file_given_by_path_counts_with_its_content(tmp_path: Path) -> None:
    import millwright as mw

    @mw.step
    def size(path: Path) -> int:
        return path.stat().st_size

    @mw.pipeline
    def measure(path: Path) -> int:
        return size(path)

    def parameters() -> dict[str, str]:
        graph = measure.plan(path=tmp_path / "data.csv")
        return recipe(graph.nodes[0], code_of(size.function)).parameters

    (tmp_path / "data.csv").write_text("a")
    before = parameters()
    assert before == parameters()
    (tmp_path / "data.csv").write_text("b")
    assert before != parameters()


def test_the_environment_lists_installed_packages_with_versions() -> None:
    assert any(line.startswith("pyarrow-") for line in installed())
    assert environment_digest() == environment_digest()
