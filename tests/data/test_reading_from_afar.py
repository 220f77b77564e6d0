"""What is on a remote only is fetched when it is read, without a server and without a checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from millwright.kernel.errors import Unavailable
from working_copy import Run


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "mode")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def away(root: Path, mw: Run) -> Path:
    """A dataset whose bytes, manifest included, are on a remote only."""
    for name in ("a.txt", "sub/b.txt", "sub/c.txt"):
        path = root / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name * 10)
    mw("add", "d")
    mw("remote", "add", "origin", str(root.parent / "remote"))
    mw("push")
    for folder in ("d", ".millwright/objects"):
        shutil.rmtree(root / folder)
    return root


def test_names_sizes_and_bytes_are_read_from_the_remote(away: Path, mw: Run) -> None:
    assert [one["name"] for one in mw("ls", "d@1", "sub", "--json")] == ["b.txt", "c.txt"]
    assert mw("du", "d@1", "--json")["files"] == 3
    mw("get", "d@1", "sub/b.txt", "-o", "one")
    assert (away / "one").read_text() == "sub/b.txt" * 10
    mw("get", "d@1", "-o", "all")
    assert (away / "all" / "sub" / "c.txt").read_text() == "sub/c.txt" * 10
    assert (away / "all" / "a.txt").read_text() == "a.txt" * 10


def test_without_the_remote_the_next_step_is_said(away: Path, mw: Run) -> None:
    mw("ls", "d@1")
    mw("remote", "remove", "origin")
    with pytest.raises(Unavailable) as told:
        mw("get", "d@1", "-o", "all")
    assert "mw data pull" in (told.value.hint or "")
    assert not (away / "all").exists()
