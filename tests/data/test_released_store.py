"""A working copy as the first release left it: opened, seen as clean, gone on with.

``released/working_copy.tar.xz`` was written by the commands of that release: ``data add d``,
``data add t.csv``, then one file changed, one removed, and ``data add d`` again.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from millwright.data.commands import data

ARCHIVE = Path(__file__).parent / "released" / "working_copy.tar.xz"
FIRST = {"f1.txt", "f2.txt", "f3.txt", "f4.txt", "f5.txt", "large", "link", "run", "sub/été.txt"}
Run = Callable[..., Any]


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "mode")
    monkeypatch.chdir(tmp_path)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="tar")
    return tmp_path


@pytest.fixture
def mw(released: Path) -> Run:
    def run(*words: str) -> Any:
        done = CliRunner().invoke(data, [*words, "--json"], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    return run


def version_of(database: Path) -> int:
    with sqlite3.connect(database) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_it_is_clean_and_both_its_versions_can_be_written_out(released: Path, mw: Run) -> None:
    assert version_of(released / ".millwright" / "working.db") == 1
    assert all(one["clean"] for one in mw("status"))
    assert version_of(released / ".millwright" / "working.db") == 2
    shutil.rmtree(released / "d")
    mw("checkout", "d@1")
    paths = {p for p in (released / "d").rglob("*") if p.is_file() or p.is_symlink()}
    assert {path.relative_to(released / "d").as_posix() for path in paths} == FIRST
    assert (released / "d" / "f3.txt").read_text() == "file 3\n"
    assert (released / "d" / "run").stat().st_mode & 0o100
    assert (released / "d" / "empty").is_dir()
    large = b"".join(b"%08d\n" % number for number in range(12_000))
    assert (released / "d" / "large").read_bytes() == large
    (released / "t.csv").unlink()
    mw("checkout", "t")
    assert (released / "t.csv").read_text() == "a,b\n1,x\n2,y\n"


def test_its_history_goes_on_and_its_bytes_are_whole(released: Path, mw: Run) -> None:
    (released / "d" / "more.txt").write_text("more")
    assert mw("add", "d")["version"] == 3
    found = mw("fsck")
    assert not found["damaged"], found
    assert all(one["clean"] for one in mw("status"))
