"""Exported versions are DVC repositories: clean, re-added with the same digests, bytes linked."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path

import pytest
from click.testing import CliRunner
from dvc_repositories import commit, git, mw_dvc, write

from millwright.data.dvc.commands import export_dvc
from millwright.data.dvc.exporting import export_versions
from millwright.data.dvc.importing import import_repository
from millwright.data.working.adding import add, target_of
from millwright.data.working.copies import WorkingCopy
from millwright.data.working.place import Place
from millwright.kernel.errors import InvalidInput, NotFound


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet_git: None) -> Place:
    """A workspace with a folder kept in it."""
    root = tmp_path / "workspace"
    root.mkdir()
    monkeypatch.chdir(root)
    write(root, {"imgs/a.txt": b"hello", "imgs/sub/b.bin": b"\x00" * 100, "one.bin": b"one"})
    (root / "imgs" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "imgs" / "run.sh").chmod(0o755)
    (root / "imgs" / "link").symlink_to("sub/b.bin")
    (root / "imgs" / "empty").mkdir()
    with WorkingCopy.opened("team", start=True) as copy:
        for name in ("imgs", "one.bin"):
            add(copy.place, copy.index, copy.ledger, target_of(copy.place, [Path(name)], None))
        return copy.place


def test_an_export_is_clean_and_keeps_its_digests(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    report = export_versions(place, [], target)
    assert {(v.dataset, v.path, v.files) for v in report.versions} == {
        ("imgs", "imgs", 4),
        ("one", "one.bin", 1),
    }
    assert (target / "imgs" / "link").read_bytes() == b"\x00" * 100
    assert any("empty" in sentence for sentence in report.left_out)
    assert any("may be executed" in sentence for sentence in report.left_out)
    monkeypatch.chdir(target)
    before = (target / "imgs.dvc").read_text()
    mw_dvc("status", "-q")
    commit(target, "exported")
    assert git(target, "ls-files").split() == [
        ".dvc/.gitignore",
        ".dvc/config",
        ".dvcignore",
        ".gitignore",
        "imgs.dvc",
        "one.bin.dvc",
    ]
    mw_dvc("add", "-q", "imgs")
    assert (target / "imgs.dvc").read_text() == before


def test_in_the_format_of_dvc_2_files_that_differ_in_line_ends_are_named(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place.root, {"texts/unix": b"a\nb\n", "texts/windows": b"a\r\nb\r\n"})
    with WorkingCopy.opened("team", start=True) as copy:
        add(copy.place, copy.index, copy.ledger, target_of(copy.place, [Path("texts")], None))
    target = tmp_path / "out"
    words = ["texts", "--to", str(target), "--format", "2", "--project", "team"]
    told = CliRunner().invoke(export_dvc, words)
    assert told.exit_code == 0, told.output
    assert "texts@1: windows differs from unix in line ends only" in told.output
    assert "hash:" not in (target / "texts.dvc").read_text()
    (listed,) = (target / ".dvc" / "cache").glob("??/*.dir")
    assert listed.read_bytes().count(md5(b"a\nb\n").hexdigest().encode()) == 2
    monkeypatch.chdir(target)
    mw_dvc("status", "-q")


def test_bytes_are_linked(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "out"
    report = export_versions(place, ["imgs"], target)
    assert (report.linked, report.copied) == (3, 0)
    kept = [p for p in (target / ".dvc" / "cache").rglob("*") if p.suffix != ".dir" and p.is_file()]
    assert all(p.stat().st_nlink >= 3 for p in kept), "the store, the cache, the working tree"
    assert all(p.stat().st_mode & 0o777 == 0o444 for p in kept)


def test_round_trip(place: Place, tmp_path: Path, repository: Path) -> None:
    write(repository, {"data/raw/a": b"1", "data/raw/b": b"2"})
    mw_dvc("add", "-q", "data/raw")
    commit(repository, "first")
    write(repository, {"data/raw/a": b"changed"})
    mw_dvc("add", "-q", "data/raw")
    commit(repository, "second")
    import_repository(place, str(repository))
    target = tmp_path / "back"
    export_versions(place, ["raw@2"], target)
    assert (target / "data/raw.dvc").read_text() == (repository / "data/raw.dvc").read_text()
    export_versions(place, ["raw@1"], target)
    assert (target / "data/raw/a").read_bytes() == b"1"
    assert (
        git(repository, "show", "HEAD~1:data/raw.dvc") + "\n"
        == (target / "data/raw.dvc").read_text()
    )


def test_unsaved_work_in_the_repository_is_not_lost(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "out"
    export_versions(place, ["one"], target)
    (target / "one.bin").unlink()
    (target / "one.bin").write_bytes(b"mine")
    with pytest.raises(Exception, match="unsaved"):
        export_versions(place, ["one"], target)
    assert (target / "one.bin").read_bytes() == b"mine"


def test_mistakes_are_explained(place: Place, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        export_versions(place, ["nowhere"], tmp_path / "out")
    with pytest.raises(InvalidInput, match="Two versions"):
        export_versions(place, ["imgs@1", "imgs@latest"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
