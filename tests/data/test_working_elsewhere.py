"""A working copy whose metadata are not beside it: on another server, or in PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import postgres_server
from killed_server import control_plane
from millwright.data.working.journal import Journal
from millwright.kernel.errors import NotFound
from millwright.kernel.workspace import Workspace
from millwright.server.opening import open_store
from working_copy import Run


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "mode")
    work = tmp_path / "work"
    (work / ".millwright").mkdir(parents=True)
    (work / ".millwright" / "project").write_text("p\n")
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def elsewhere(
    request: pytest.FixtureRequest, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Says of the commands in ``root`` that their metadata are somewhere else."""
    assert root.is_dir(), "the fixture that makes it forgets every address first"
    if request.param == "server":
        (tmp_path / "server").mkdir()
        with control_plane(tmp_path / "server") as (url, _):
            monkeypatch.setenv("MILLWRIGHT_URL", url)
            yield request.param
        return
    if postgres_server.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server.running() as url:
        monkeypatch.setenv("MILLWRIGHT_DATABASE_URL", url)
        yield request.param


@pytest.mark.parametrize("elsewhere", ["server", "postgresql"], indirect=True)
def test_the_working_copy_works_as_it_does_beside_its_metadata(
    elsewhere: str, root: Path, mw: Run, tmp_path: Path
) -> None:
    (root / "d" / "sub").mkdir(parents=True)
    (root / "d" / "a.txt").write_text("a")
    (root / "d" / "sub" / "b.txt").write_text("b")
    (root / "d" / "empty").mkdir()
    with pytest.raises(NotFound):
        mw("log", "d")
    assert mw("add", "d", "--json")["version"] == 1
    assert mw("add", "d", "--json")["version"] == 1
    (root / "d" / "c.txt").write_text("c")
    assert mw("add", "d", "-m", "one more", "--json")["version"] == 2
    assert all(one["clean"] for one in mw("status", "--json"))
    assert [one["version"] for one in mw("log", "d", "--json")] == [2, 1]
    assert mw("diff", "d@1", "d@2", "--json")["added"] == 1
    mw("tag", "d@1", "first")
    mw("checkout", "d@first")
    assert not (root / "d" / "c.txt").exists()
    shutil.rmtree(root / "d")
    mw("checkout", "d@2")
    assert (root / "d" / "c.txt").read_text() == "c"
    assert (root / "d" / "empty").is_dir()
    with pytest.raises(NotFound, match="Did you mean 'd'"):
        mw("log", "dd")
    # Nothing waits in a journal that no door will ever take.
    assert not Journal(root / ".millwright").waiting()
    if elsewhere == "server":
        digest = mw("log", "d", "--json")[0]["digest"]
        store = open_store(Workspace(tmp_path / "server"))
        try:
            assert store.objects.of("p").has(digest)
        finally:
            store.close()
