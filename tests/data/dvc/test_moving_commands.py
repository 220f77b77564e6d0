"""`mw import dvc` and `mw export dvc` as people and scripts use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from dvc_repositories import commit, git, mw_dvc, write

from millwright.cli.main import cli


@pytest.fixture
def beside(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one tagged version, and an empty folder beside it, entered."""
    write(repository, {"data/a.txt": b"first"})
    mw_dvc("add", "-q", "data")
    commit(repository, "first photos")
    git(repository, "tag", "v1")
    folder = tmp_path / "team"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return repository


def mw(*arguments: str, code: int = 0) -> str:
    """One `mw` command, and what it prints."""
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code == code, done.output
    return done.output


def test_import_says_what_it_took_and_export_what_it_wrote(beside: Path) -> None:
    told = mw("import", "dvc", str(beside))
    assert "1 version of 1 dataset imported." in told
    assert "1 object (5 B) linked, none copied." in told
    assert "1 were here already" in mw("import", "dvc", str(beside))
    told = mw("export", "dvc", "data@v1", "--to", "out")
    assert "data@1 → data: 1 file, 5 B, md5" in told
    assert (Path("out") / "data.dvc").read_text() == (beside / "data.dvc").read_text()


def test_both_speak_json(beside: Path) -> None:
    told = json.loads(mw("import", "dvc", str(beside), "--json"))
    assert told["complete"] is True
    assert told["versions"][0]["tags"] == ["v1"]
    assert told["versions"][0]["message"] == "first photos"
    told = json.loads(mw("export", "dvc", "--to", "out", "--json"))
    assert told["versions"][0]["path"] == "data"


def test_an_import_that_is_not_whole_fails_with_names(beside: Path) -> None:
    (kept,) = (beside / ".dvc" / "cache" / "files" / "md5").glob("8b/*")
    kept.unlink()
    told = mw("import", "dvc", str(beside), code=1)
    assert "Missing: data/a.txt" in told
    assert "8b04d5e3775d298e78455efc5ca404d5" in told
    assert json.loads(mw("import", "dvc", str(beside), "--json", code=1))["complete"] is False
