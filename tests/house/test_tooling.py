"""The scripts of continuous integration say what is so."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One of the scripts in ``ci/``."""
    return subprocess.run(
        [sys.executable, ROOT / "ci" / script, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_requirement_has_a_lowest_version_that_can_be_tried() -> None:
    done = run("lowest.py", "test")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line) for line in lines)
    named = {line.partition("==")[0].lower() for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for requirement in project["dependencies"]:
        assert re.split(r"[^A-Za-z0-9_-]", requirement)[0].lower() in named
    assert "millwright" not in named
    assert {"scikit-learn", "pytest"} <= named


def test_an_unknown_extra_is_named() -> None:
    assert "no extra 'tets'" in run("lowest.py", "tets").stderr


def test_what_was_skipped_is_one_line_with_the_reasons(tmp_path: Path) -> None:
    suite = tmp_path / "test_some.py"
    suite.write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_a(n): pytest.skip('Chromium is missing: apt-get install chromium')\n"
        "def test_b(): pass\n"
    )
    report = tmp_path / "tests.xml"
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", f"--junitxml={report}"]
    subprocess.run([*pytest_, str(suite)], check=True, capture_output=True, cwd=tmp_path)
    said = run("not_run.py", str(report)).stdout
    assert said == "Not run: 2 tests (Chromium is missing: apt-get install chromium).\n"


def test_a_run_without_skips_says_so(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    report.write_text("<testsuites><testsuite><testcase name='a'/></testsuite></testsuites>")
    assert run("not_run.py", str(report)).stdout.startswith("Not run: nothing")
