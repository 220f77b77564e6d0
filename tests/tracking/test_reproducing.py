"""A script done again from its record, in real repositories and processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from millwright.cli.main import cli
from millwright.kernel.door import Door
from millwright.kernel.workspace import Workspace
from millwright.tracking import get_run, list_runs

P = "shop"
SCRIPT = """\
import sys
import numpy
import millwright as mw
import helper
numpy.random.seed(11)
with mw.start_run(seed=3) as run:
    mw.log_param("depth", sys.argv[1] if len(sys.argv) > 1 else 0)
    for step in range(3):
        mw.log_metric("loss", numpy.random.random() * helper.FACTOR, step=step)
    mw.log_artifact(str(helper.FACTOR).encode(), "factor.txt")
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def code(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = workspace.root
    (root / "millwright.yaml").write_text(f"project: {P}\ndata: {{source: a.csv, target: y}}\n")
    (root / "train.py").write_text(SCRIPT)
    (root / "helper.py").write_text("FACTOR = 2\n")
    (root / ".gitignore").write_text(".millwright/\n__pycache__/\n")
    monkeypatch.chdir(root)
    return root


def ran(code: Path, door: Door, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "train.py", *arguments],
        cwd=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list_runs(door, P).runs[0].id


def again(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["reproduce", *arguments, "--json"])


def committed(code: Path) -> None:
    git(code, "init", "-q")
    git(code, "add", ".gitignore", "train.py")
    git(code, "commit", "-qm", "one")


def test_commit_changes_and_loose_files_come_back_whatever_was_edited_since(
    code: Path, door: Door
) -> None:
    committed(code)
    (code / "train.py").write_text(SCRIPT.replace("range(3)", "range(5)"))
    run = ran(code, door, "7")
    (code / "train.py").write_text("raise SystemExit('edited since')\n")
    (code / "helper.py").write_text("FACTOR = 99\n")
    done = again(run[-12:])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert (told["run"], told["differences"]) == (run, [])
    assert told["same"] == {"parameter": 1, "metric": 1, "artifact": 1}
    read = get_run(door, told["again"])
    assert (read.params["depth"], read.tags["millwright.reproduces"]) == ("7", run)
    listed = subprocess.run(["git", "worktree", "list"], cwd=code, capture_output=True, check=True)
    assert len(listed.stdout.splitlines()) == 1, "nothing is left behind"


def test_outside_git_the_kept_files_are_enough(code: Path, door: Door) -> None:
    run = ran(code, door)
    (code / "helper.py").write_text("FACTOR = 99\n")
    assert again(run).exit_code == 0


def test_what_differs_is_told_with_its_likeliest_reason(code: Path, door: Door) -> None:
    (code / "train.py").write_text(
        SCRIPT.replace("numpy.random.seed(11)\n", "").replace("seed=3", "")
    )
    run = ran(code, door)
    done = again(run)
    assert done.exit_code == 9
    told = json.loads(done.output)
    assert [one["name"] for one in told["differences"]] == ["loss"]
    assert "No seed was recorded" in told["reasons"][0]
    said = CliRunner().invoke(cli, ["reproduce", run]).output
    assert "Not reproduced" in said
    assert "Why: No seed" in said


def test_secrets_were_not_kept_and_must_be_given_again(code: Path, door: Door) -> None:
    run = ran(code, door, "--token", "abc")
    refused = again(run)
    assert "held secrets" in str(refused.exception)
    done = CliRunner().invoke(cli, ["reproduce", run, "--json", "--", "--token", "abc"])
    assert done.exit_code == 0, done.output


def test_a_commit_that_is_not_here_is_said_so(code: Path, door: Door, tmp_path: Path) -> None:
    committed(code)
    run = ran(code, door)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    refused = again(run, "--repository", str(other))
    assert "is not in the repository" in str(refused.exception)


def test_what_was_not_a_script_cannot_be_started_again(code: Path, door: Door) -> None:
    run = door.post(f"/projects/{P}/runs", {"experiment": "typed"})["id"]
    assert "does not say which script" in str(again(run).exception)
