"""Importing DVC repositories: datasets and versions from history, bytes linked, nothing lost silently."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from dvc_repositories import commit, git, legacy_repository, mw_dvc, write

from millwright.data.dvc.import_report import ImportReport
from millwright.data.dvc.importing import import_repository
from millwright.data.dvc.naming import names_for
from millwright.data.trees import walk
from millwright.data.working.ledger import ledger_of
from millwright.data.working.place import Place
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.workspace import Workspace


@pytest.fixture
def place(tmp_path: Path, quiet_git: None) -> Place:
    """An empty workspace beside the repository."""
    root = tmp_path / "workspace"
    root.mkdir()
    return Place(Workspace(root), "team")


@pytest.fixture
def history(repository: Path) -> Path:
    """Two branches that changed different data, merged; two tags."""
    write(
        repository, {"data/raw/a.txt": b"a\r\n", "data/raw/b/c.bin": b"\x00b", "t.csv": b"x\n1\n"}
    )
    mw_dvc("add", "-q", "data/raw", "t.csv")
    commit(repository, "first data")
    git(repository, "tag", "v1.0")
    git(repository, "checkout", "-q", "-b", "side")
    write(repository, {"t.csv": b"x\n2\n"})
    mw_dvc("add", "-q", "t.csv")
    commit(repository, "side table")
    git(repository, "checkout", "-q", "main")
    mw_dvc("checkout", "-q")
    write(repository, {"data/raw/new.txt": b"new"})
    mw_dvc("add", "-q", "data/raw")
    commit(repository, "more data")
    git(repository, "merge", "-q", "-m", "both", "side")
    git(repository, "tag", "-a", "both/now", "-m", "x")
    mw_dvc("checkout", "-q")
    return repository


def contents(place: Place, name: str, number: int) -> dict[str, bytes]:
    """The files of a version."""
    version = next(v for v in ledger_of(place).versions(name) if v.version == number)
    return {
        key.decode(): place.objects.read(entry.hex)
        for key, entry in walk(place.trees, bytes.fromhex(version.digest))
    }


def test_every_change_is_a_version_in_the_order_of_git(place: Place, history: Path) -> None:
    report = import_repository(place, str(history))
    assert report.complete
    assert report.datasets == ["raw", "t.csv"]
    assert [(v.dataset, v.version, v.message) for v in report.versions] == [
        ("raw", 1, "first data"),
        ("t.csv", 1, "first data"),
        *sorted([("raw", 2, "more data"), ("t.csv", 2, "side table")], key=_order(report)),
    ]
    assert contents(place, "raw", 1) == {"a.txt": b"a\r\n", "b/c.bin": b"\x00b"}
    assert contents(place, "raw", 2)["new.txt"] == b"new"
    assert contents(place, "t.csv", 2) == {"t.csv": b"x\n2\n"}
    tags = {(v.dataset, v.version): v.tags for v in report.versions}
    assert tags["raw", 1] == ("v1.0",)
    assert tags["t.csv", 2] == tags["raw", 2] == ("both-now",)
    first, second = reversed(ledger_of(place).versions("raw"))
    assert second.parents == (first.id,)
    assert f"Git-Commit: {git(history, 'rev-parse', 'v1.0')}" in first.message
    assert "Git-Author: A Person <person@example.com>" in first.message
    assert "Git-Date: 2024-05-06T07:08:09" in first.message


def _order(report: ImportReport) -> object:
    told = [(v.dataset, v.version, v.message) for v in report.versions]
    return told.index


def test_nothing_is_copied(place: Place, history: Path) -> None:
    write(history, {"data/raw/large.bin": os.urandom(3_000_000)})
    mw_dvc("add", "-q", "data/raw")
    commit(history, "large")
    before = _used(history)
    import_repository(place, str(history))
    cache = {p.stat().st_ino for p in (history / ".dvc" / "cache").rglob("*") if p.is_file()}
    links = place.workspace.objects / "projects" / "team" / "links"
    linked = [p for p in links.rglob("*") if p.is_file()]
    assert len(linked) == 6
    assert {p.stat().st_ino for p in linked} <= cache
    assert _used(history) == before
    assert _used(history, place.root) - before < 500_000, "only manifests and indexes are new"


def _used(*folders: Path) -> int:
    """What folders take on disk together, a linked file counted once."""
    listing = subprocess.run(
        ["du", "-s", "--block-size=1", *folders], capture_output=True, text=True, check=True
    )
    return sum(int(line.split()[0]) for line in listing.stdout.splitlines())


def test_importing_again_adds_only_what_is_new(place: Place, history: Path) -> None:
    assert import_repository(place, str(history)).new == 4
    again = import_repository(place, str(history))
    assert (again.new, again.objects_linked, len(again.versions)) == (0, 0, 4)
    write(history, {"data/raw/more.txt": b"more"})
    mw_dvc("add", "-q", "data/raw")
    commit(history, "even more")
    later = import_repository(place, str(history))
    assert [(v.dataset, v.version) for v in later.versions if v.new] == [("raw", 3)]
    assert later.objects_linked == 1


def test_going_back_is_a_version_and_is_not_imported_twice(place: Place, repository: Path) -> None:
    for content in (b"one", b"two", b"one"):
        write(repository, {"f": content})
        mw_dvc("add", "-q", "f")
        commit(repository, content.decode())
    assert import_repository(place, str(repository)).new == 3
    assert import_repository(place, str(repository)).new == 0
    assert contents(place, "f", 3) == {"f": b"one"}


def test_an_import_that_was_killed_goes_on_where_it_was(place: Place, history: Path) -> None:
    class Killed(BaseException):
        """Stands for the end of the process."""

    def die(done: int, of: int) -> None:
        raise Killed

    write(history, {f"data/raw/{n}": b"%d" % n for n in range(2100)})
    mw_dvc("add", "-q", "data/raw")
    commit(history, "many")
    with pytest.raises(Killed):
        import_repository(place, str(history), on_progress=die)
    report = import_repository(place, str(history))
    assert report.complete
    assert len(contents(place, "raw", 3)) == 2103
    assert report.objects_linked < 1000, "what was linked before is not linked again"


def test_a_cache_of_format_2_is_read(place: Place, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    legacy_repository(old, {"d": {"a.txt": b"a\r\nb\r\n", "s/b.bin": b"\x00\r\n"}})
    commit(old, "as DVC 2 left it")
    report = import_repository(place, str(old))
    assert report.complete
    assert contents(place, "d", 1) == {"a.txt": b"a\r\nb\r\n", "s/b.bin": b"\x00\r\n"}


def test_what_is_missing_is_named_and_the_rest_imported(place: Place, history: Path) -> None:
    md5 = hashlib.md5(b"x\n1\n").hexdigest()
    (history / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    report = import_repository(place, str(history))
    (missing,) = report.missing
    assert (missing.path, missing.md5, missing.why) == ("t.csv", md5, "not in the cache")
    assert missing.commit == git(history, "rev-parse", "v1.0")
    assert {(v.dataset, v.version) for v in report.versions} == {
        ("raw", 1),
        ("raw", 2),
        ("t.csv", 1),
    }


def test_a_damaged_object_is_not_taken(place: Place, history: Path) -> None:
    md5 = hashlib.md5(b"x\n1\n").hexdigest()
    damaged = history / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(b"x\n9\n")
    report = import_repository(place, str(history))
    assert [(m.md5, "damaged" in m.why) for m in report.missing] == [(md5, True)]


def test_what_the_cache_lacks_comes_from_the_remote(
    place: Place, history: Path, tmp_path: Path
) -> None:
    mw_dvc("remote", "add", "-q", "-d", "up", str(tmp_path / "remote"))
    mw_dvc("push", "-q", "-A")
    subprocess.run(["rm", "-rf", ".dvc/cache"], check=True)
    report = import_repository(place, str(history))
    assert report.complete
    assert report.objects_fetched == 5
    assert contents(place, "raw", 2)["a.txt"] == b"a\r\n"
    assert not (history / ".dvc" / "cache").exists()
    assert not list((place.state / "tmp").rglob("*.tmp"))


def test_a_clone_is_imported_by_its_address(place: Place, history: Path, tmp_path: Path) -> None:
    mw_dvc("remote", "add", "-q", "-d", "up", str(tmp_path / "remote"))
    mw_dvc("push", "-q", "-A")
    commit(history, "a remote")
    report = import_repository(place, f"file://{history}")
    assert report.complete
    assert report.new == 4


def test_only_the_newest_and_older_revisions(place: Place, history: Path) -> None:
    report = import_repository(place, str(history), revision="v1.0", history=False)
    assert [(v.dataset, v.version) for v in report.versions] == [("raw", 1), ("t.csv", 1)]
    later = import_repository(place, str(history), history=False)
    assert contents(place, "t.csv", 2) == {"t.csv": b"x\n2\n"}
    assert later.new == 2


def test_pipelines_are_told_of_and_their_outputs_taken(place: Place, repository: Path) -> None:
    write(repository, {"f": b"in"})
    mw_dvc("add", "-q", "f")
    md5 = hashlib.md5(b"out").hexdigest()
    kept = repository / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"out")
    (repository / "dvc.yaml").write_text(
        "stages:\n  make:\n    cmd: cp f g\n    deps:\n    - f\n    outs:\n    - g\n"
    )
    (repository / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  make:\n    cmd: cp f g\n    outs:\n"
        f"    - path: g\n      hash: md5\n      md5: {md5}\n      size: 3\n"
    )
    commit(repository, "a stage")
    report = import_repository(place, str(repository))
    assert report.datasets == ["f", "g"]
    assert [(s.name, s.command, s.deps, s.outs) for s in report.stages] == [
        ("make", "cp f g", ("f",), ("g",))
    ]


def test_a_repository_without_git(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "plain"
    root.mkdir()
    monkeypatch.chdir(root)
    mw_dvc("init", "-q", "--no-scm")
    write(root, {"f": b"x"})
    mw_dvc("add", "-q", "f")
    report = import_repository(place, str(root))
    assert [(v.dataset, v.commit) for v in report.versions] == [("f", None)]
    assert import_repository(place, str(root)).new == 0


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", ".git/config"])
def test_hostile_paths_are_refused(place: Place, repository: Path, path: str) -> None:
    (repository / "x.dvc").write_text(
        f"outs:\n- md5: {'0a' * 16}\n  size: 1\n  hash: md5\n  path: {path}\n"
    )
    commit(repository, "hostile")
    with pytest.raises(InvalidInput, match="not inside the repository"):
        import_repository(place, str(repository))
    assert not ledger_of(place).names()


def test_a_hostile_commit_of_the_past_is_named_and_passed_over(place: Place, history: Path) -> None:
    (history / "x.dvc").write_text("outs:\n- path: ../../x\n")
    bad = commit(history, "hostile")
    (history / "x.dvc").unlink()
    commit(history, "gone")
    report = import_repository(place, str(history))
    assert [bad_commit for bad_commit, _ in report.unreadable] == [bad]
    assert report.new == 4


def test_a_folder_without_dvc_is_said_to_have_none(place: Place, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="no DVC repository"):
        import_repository(place, str(tmp_path / "empty"))
    with pytest.raises(NotFound):
        import_repository(place, str(tmp_path / "nowhere"))


def test_names_are_as_short_as_tells_paths_apart() -> None:
    places = ["data/raw", "test/raw", "data/\u00e9t\u00e9.csv", "model.pkl"]
    assert names_for(places, {"model.pkl": None}) == {
        "data/raw": "data-raw",
        "test/raw": "test-raw",
        "data/\u00e9t\u00e9.csv": "t-.csv",
        "model.pkl": "model.pkl-2",
    }
    assert names_for(["a/x", "b/x"], {"x": "a/x"}) == {"a/x": "x", "b/x": "b-x"}


def test_a_link_in_the_cache_is_not_followed(
    place: Place, repository: Path, tmp_path: Path
) -> None:
    write(repository, {"f": b"content"})
    mw_dvc("add", "-q", "f")
    commit(repository, "first")
    (kept,) = (p for p in (repository / ".dvc/cache").rglob("*") if p.is_file())
    (tmp_path / "program").write_bytes(b"content")
    kept.unlink()
    kept.symlink_to(tmp_path / "program")
    report = import_repository(place, str(repository))
    assert "symbolic link" in report.missing[0].why
    assert (tmp_path / "program").stat().st_mode & 0o200


def test_the_programs_that_a_repository_names_are_not_run(
    place: Place, history: Path, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "gpg.program", "core.pager", "diff.external"):
        git(history, "config", name, str(program))
    git(history, "config", "log.showSignature", "true")
    assert import_repository(place, str(history)).complete
    assert not (tmp_path / "ran").exists()
