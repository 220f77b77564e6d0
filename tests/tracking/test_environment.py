"""What is captured around a run, and what never is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from millwright.tracking.environment import command_line, run_environment
from millwright.tracking.source_code import source_here


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_folder_outside_git_has_no_code_version(tmp_path: Path) -> None:
    assert source_here(tmp_path).version is None
    assert source_here(tmp_path / "absent").version is None


def test_the_commit_and_a_digest_of_what_is_not_committed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    file = tmp_path / "train.py"
    file.write_text("one")
    fresh = source_here(tmp_path).version
    assert fresh is not None
    assert fresh.commit is None
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    (tmp_path / "results.csv").write_text("untracked")
    clean = source_here(tmp_path).version
    assert clean is not None
    assert len(clean.commit or "") == 40
    assert (clean.dirty, clean.diff_digest) == (False, None)
    file.write_text("two")
    changed = source_here(tmp_path).version
    file.write_text("three")
    other = source_here(tmp_path).version
    file.write_text("two")
    again = source_here(tmp_path).version
    assert changed is not None
    assert other is not None
    assert changed == again
    assert changed.dirty
    assert changed.commit == clean.commit
    assert changed.diff_digest != other.diff_digest


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["a.py", "--seed", "3"], "a.py --seed 3"),
        (["a.py", "--token", "abc", "x"], "a.py --token *** x"),
        (["a.py", "--api-key=abc"], "a.py --api-key=***"),
        (["a.py", "DB_PASSWORD=abc"], "a.py DB_PASSWORD=***"),
        (["a.py", "--client-secret", "s", "--depth", "2"], "a.py --client-secret *** --depth 2"),
        (["a.py", "https://me:pw@host/x.csv"], "a.py https://***@host/x.csv"),
    ],
)
def test_secrets_never_get_into_the_command_line(words: list[str], shown: str) -> None:
    assert command_line(words) == shown


def test_the_environment_names_python_and_cpus() -> None:
    found = run_environment()
    assert found.python.startswith("3.")
    assert found.cpus >= 1
