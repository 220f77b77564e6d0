"""Steps in processes of their own: they may hang, die, and know secrets."""

from __future__ import annotations

import os
import sys
import threading
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import millwright as mw
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, Unavailable
from millwright.kernel.workspace import Workspace
from millwright.pipelines import PipelineClient, PipelineResult, execute, find_pipeline
from millwright.pipelines.ownership import is_gone, this_owner


def test_a_step_that_hangs_is_ended_with_all_that_it_started(
    door: Door, tmp_path: Path, flows: ModuleType
) -> None:
    result = execute(door, "p", flows.timed_out, {"folder": str(tmp_path)})
    assert result.error is not None
    assert "longer than its timeout of 300 ms" in result.error.message
    machine = this_owner().rpartition("/")[0].rpartition("/")[0]
    child = (tmp_path / "child").read_text()
    pause = threading.Event()
    while not is_gone(f"{machine}/{child}/1"):
        pause.wait(0.01)


def test_a_step_whose_process_dies_runs_once_more(
    door: Door, tmp_path: Path, flows: ModuleType
) -> None:
    result = execute(door, "p", flows.fragile, {"folder": str(tmp_path)})
    assert result.value() != os.getpid()
    assert len((tmp_path / "calls.txt").read_text().splitlines()) == 2
    tries = PipelineClient(door).attempts(result.run_id)
    assert [(one.number, one.outcome) for one in tries] == [(1, "failed"), (2, "succeeded")]


def test_a_secret_reaches_the_step_and_nothing_else(
    door: Door, flows: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SECRET", "hunter2hunter2")
    result = execute(door, "p", flows.secretive)
    assert result.value() == ["quiet", "14"]
    log = PipelineClient(door).log(result.run_id, "careful")
    assert log.parts[0].text == "the key is •••\n"
    assert "hunter2" not in result.run.model_dump_json()


@pytest.mark.parametrize("given", ["hunter2hunter2", "env:", "vault:hunter2"])
def test_a_secret_in_place_of_a_reference_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(InvalidInput, match="not given by reference") as caught:
        mw.step(secrets={"key": given})
    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.value}"


APART = """
import sys
import millwright as mw

@mw.step(packages=({wheel!r},))
def with_packages() -> list[str]:
    import tiny_requirement
    return [tiny_requirement.WORD, sys.prefix]

@mw.pipeline
def packaged() -> list[str]:
    return with_packages()

@mw.step(python={python!r})
def with_python() -> str:
    import tiny_requirement
    return sys.executable

@mw.pipeline
def named() -> str:
    return with_python()
"""


@pytest.mark.slow
def test_a_step_runs_in_the_environment_and_with_the_interpreter_that_it_asks_for(
    door: Door, workspace: Workspace
) -> None:
    wheel = workspace.root / "tiny_requirement-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        about = "tiny_requirement-1.0.dist-info"
        named = "Metadata-Version: 2.1\nName: tiny-requirement\nVersion: 1.0\n"
        archive.writestr("tiny_requirement.py", "WORD = 'apart'\n")
        archive.writestr(f"{about}/METADATA", named)
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{about}/WHEEL", tag)
        archive.writestr(f"{about}/RECORD", "")
    bare = workspace.root / "python"
    bare.symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    file = workspace.root / "apart_flow.py"

    def run(pipeline: str, python: Path) -> PipelineResult:
        file.write_text(APART.format(wheel=str(wheel), python=str(python)))
        sys.modules.pop("apart_flow", None)
        return execute(door, "p", find_pipeline(f"{file}:{pipeline}"))

    word, prefix = run("packaged", bare).value()
    assert (word, Path(prefix).parent) == ("apart", workspace.state / "environments")
    made = Path(prefix) / "bin" / "python"
    assert run("named", made).value() == str(made)
    assert run("packaged", bare).run.tasks[0].status == "cached"
    with pytest.raises(Unavailable, match="No worker could be started"):
        run("named", bare)
