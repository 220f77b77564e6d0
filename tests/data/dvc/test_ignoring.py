"""``.dvcignore`` follows the rules of ``.gitignore``: held against git itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from millwright.data.dvc.ignore import Rules

PATHS = [
    "a.txt", "b.log", "sub/a.txt", "sub/b.log", "sub/deep/c.log", "build/x", "sub/build/y",
    "keep.log", "sub/keep.log", "x/y/z", "x/z", "#odd", "[b]", "data1", "data2", "foo/bar/baz",
]  # fmt: skip
PATTERNS = [
    "*.log",
    "*.log\n!keep.log",
    "/a.txt",
    "build/",
    "sub/*.log",
    "**/deep",
    "x/**/z",
    "x/**",
    "\\#odd",
    "data[12]",
    "data[!1]",
    "foo/bar",
    "sub/\n!sub/a.txt",
    "*\n!a.txt",
    "?.txt",
]


@pytest.mark.parametrize("patterns", PATTERNS, ids=range(len(PATTERNS)))
def test_patterns_mean_what_they_mean_to_git(tmp_path: Path, patterns: str) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(patterns + "\n")
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    told = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=tmp_path,
        input="\n".join(PATHS),
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\n")
    rules = Rules().with_file("", patterns)
    assert [p for p in PATHS if _ignored(rules, p)] == [p for p in PATHS if p in told]


def _ignored(rules: Rules, path: str) -> bool:
    """A path is ignored if it, or a folder above it, is."""
    parts = path.split("/")
    for end in range(1, len(parts) + 1):
        if rules.ignores("/".join(parts[:end]), parts[end - 1], end < len(parts)):
            return True
    return False
