"""A working copy in an empty folder, and the commands that are run in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from millwright.data.commands import data
from working_copy import Run, write


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the working folder; nothing is protected by attributes."""
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "mode")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mw(root: Path) -> Run:
    """Runs `mw data …` and returns what it printed, as JSON where that was asked for."""

    def run(*words: str) -> Any:
        done = CliRunner().invoke(data, list(words), catch_exceptions=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.output) if "--json" in words else done.output

    return run


@pytest.fixture
def photos(root: Path) -> Iterator[Path]:
    write(root, {"photos/a.txt": "a", "photos/b.txt": "bb", "photos/sub/c.txt": "ccc"})
    return root / "photos"
