"""``mw-dvc``: DVC's data commands on DVC's files."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from dvc_repositories import commit, git, mw_dvc, write

from millwright.data.dvc.command_line.main import run

FILES = {"a.txt": b"a\r\nb\n", "sub/\xfc b.bin": b"x", "e": b""}


@pytest.fixture
def data(repository: Path) -> Path:
    """A tracked folder and a tracked script, committed, with a remote."""
    write(repository / "d", FILES)
    write(repository, {"run.sh": b"#!/bin/sh\n"})
    (repository / "run.sh").chmod(0o755)
    mw_dvc("remote", "add", "-q", "-d", "up", "../remote")
    mw_dvc("add", "-q", "d", "run.sh")
    commit(repository, "first")
    return repository


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints."""
    capsys.readouterr()
    mw_dvc(*arguments)
    return capsys.readouterr().out


def test_what_was_just_added_is_clean(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "status") == "Data and pipelines are up to date.\n"
    assert said(capsys, "diff", "--json") == (
        '{"added": [], "deleted": [], "modified": [], "renamed": [], "not in cache": []}\n'
    )
    assert said(capsys, "data", "status") == "No changes.\n"
    assert git(data, "status", "--porcelain") == ""


def test_adding_again_changes_nothing(data: Path) -> None:
    before = (data / "d.dvc").read_text()
    mw_dvc("add", "-q", "d")
    assert (data / "d.dvc").read_text() == before


def test_changes_are_told_by_every_command(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(data / "d", {"new": b"new"})
    (data / "d" / "a.txt").unlink()
    assert "modified:           d" in said(capsys, "status")
    found = json.loads(said(capsys, "diff", "--json"))
    assert found["added"] == [{"path": "d/new"}]
    assert found["deleted"] == [{"path": "d/a.txt"}]
    assert found["modified"] == [{"path": "d/"}]
    state = json.loads(said(capsys, "data", "status", "--granular", "--unchanged", "--json"))
    assert state["uncommitted"] == {
        "added": ["d/new"],
        "modified": ["d/"],
        "deleted": ["d/a.txt"],
    }
    assert sorted(state["unchanged"]) == ["d/e", "d/sub/\xfc b.bin", "run.sh"]


def test_a_renamed_file_is_one_rename(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "d" / "a.txt").rename(data / "d" / "z.txt")
    found = json.loads(said(capsys, "diff", "--json"))
    assert found["renamed"] == [{"path": {"old": "d/a.txt", "new": "d/z.txt"}}]


def test_data_travels_through_a_remote(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "push") == "5 files pushed\n"
    assert said(capsys, "push") == "Everything is up to date.\n"
    assert "in sync" in said(capsys, "status", "-c")
    subprocess.run(["rm", "-rf", ".dvc/cache", "d", "run.sh"], check=True)
    assert said(capsys, "pull").endswith("5 files fetched and 2 files added\n")
    assert (data / "d" / "a.txt").read_bytes() == b"a\r\nb\n"
    assert os.access(data / "run.sh", os.X_OK)
    assert said(capsys, "status") == "Data and pipelines are up to date.\n"


def test_what_a_remote_damaged_is_not_taken(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mw_dvc("push", "-q")
    subprocess.run(["rm", "-rf", ".dvc/cache"], check=True)
    damaged = next((data.parent / "remote" / "files" / "md5").glob("d6/44*"))
    damaged.chmod(0o644)
    damaged.write_bytes(b"other")
    assert run(["fetch"]) == 255
    assert "other bytes than its name says" in capsys.readouterr().err
    assert not list((data / ".dvc" / "cache" / "files" / "md5" / "d6").glob("*"))


def test_nothing_unsaved_is_overwritten(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(data / "d", {"new": b"not saved anywhere"})
    assert run(["checkout"]) == 255
    assert "d/new" in capsys.readouterr().err
    assert (data / "d" / "new").exists()
    mw_dvc("checkout", "-q", "--force")
    assert not (data / "d" / "new").exists()


@pytest.mark.parametrize("kind", ["copy", "hardlink", "symlink"])
def test_links_into_the_cache_as_configured(repository: Path, kind: str) -> None:
    mw_dvc("config", "cache.type", kind)
    write(repository / "d", {"a": b"some bytes", "b": b"others"})
    mw_dvc("add", "-q", "d")
    objects = (repository / ".dvc" / "cache" / "files" / "md5").glob("*/*")
    (kept,) = (path for path in objects if path.read_bytes() == b"some bytes")
    file = repository / "d" / "a"
    assert file.is_symlink() == (kind == "symlink")
    assert file.samefile(kept) == (kind != "copy")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o444
    mw_dvc("unprotect", "-q", "d")
    file.write_bytes(b"mine")
    assert kept.read_bytes() == b"some bytes"


def test_garbage_goes_and_what_is_used_stays(data: Path) -> None:
    write(data / "d", {"a.txt": b"second"})
    mw_dvc("add", "-q", "d")
    commit(data, "second")
    mw_dvc("push", "-q", "-A")
    objects = data / ".dvc" / "cache" / "files" / "md5"
    everything = len(list(objects.glob("*/*")))
    mw_dvc("gc", "-q", "-f", "-A")
    assert len(list(objects.glob("*/*"))) == everything
    mw_dvc("gc", "-q", "-f", "-w", "-c")
    assert len(list(objects.glob("*/*"))) == everything - 2
    remote = data.parent / "remote" / "files" / "md5"
    assert len(list(remote.glob("*/*"))) == everything - 2
    mw_dvc("status", "-q")


def test_garbage_is_not_collected_blindly(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (listing,) = (data / ".dvc" / "cache" / "files" / "md5").glob("*/*.dir")
    listing.unlink()
    assert run(["gc", "-f", "-w"]) == 255
    assert len(list((data / ".dvc" / "cache" / "files" / "md5").glob("*/*"))) == 4


def test_lists_and_downloads_from_another_repository(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mw_dvc("push", "-q")
    subprocess.run(["rm", "-rf", ".dvc/cache", "d"], check=True)
    assert said(capsys, "list", str(data), "--dvc-only").split() == ["d", "run.sh"]
    assert said(capsys, "ls", str(data), "d", "-R").splitlines()[0] == "a.txt"
    monkeypatch.chdir(tmp_path)
    mw_dvc("get", str(data), "d", "-o", "got")
    assert (tmp_path / "got" / "a.txt").read_bytes() == b"a\r\nb\n"
    mw_dvc("get", str(data), "d/a.txt", "--rev", "HEAD")
    assert (tmp_path / "a.txt").read_bytes() == b"a\r\nb\n"
    assert run(["get", str(data), "nowhere"]) == 255


def test_imports_follow_their_source(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.chdir(other)
    mw_dvc("init", "-q")
    mw_dvc("import", "-q", str(data), "d")
    assert (other / "d" / "a.txt").read_bytes() == b"a\r\nb\n"
    assert "didn't change" in said(capsys, "update", "d.dvc")
    write(data / "d", {"a.txt": b"newer"})
    monkeypatch.chdir(data)
    mw_dvc("add", "-q", "d")
    commit(data, "newer")
    monkeypatch.chdir(other)
    mw_dvc("update", "-q", "d.dvc")
    assert (other / "d" / "a.txt").read_bytes() == b"newer"


def test_an_address_is_imported_and_updated(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "src", {"a": b"1", "b/c": b"2"})
    mw_dvc("import-url", "-q", str(tmp_path / "src"), "new")
    assert "didn't change" in said(capsys, "update", "new.dvc")
    write(tmp_path / "src", {"a": b"changed"})
    mw_dvc("update", "-q", "new.dvc")
    assert (repository / "new" / "a").read_bytes() == b"changed"
    assert said(capsys, "status") == "Data and pipelines are up to date.\n"


def test_moving_and_removing(data: Path) -> None:
    mw_dvc("move", "run.sh", "bin.sh")
    assert (data / "bin.sh").exists()
    assert (data / ".gitignore").read_text() == "/d\n/bin.sh\n"
    mw_dvc("remove", "d.dvc")
    assert (data / "d").exists()
    assert not (data / "d.dvc").exists()
    assert (data / ".gitignore").read_text() == "/bin.sh\n"


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["nonsense"], 254, "nonsense"),
        (["statsu"], 254, "Did you mean `status`"),
        (["add", "nowhere"], 255, "does not exist"),
        (["checkout", "nowhere"], 255, "not tracked"),
        (["push", "-r", "nowhere"], 255, "no remote named"),
        (["diff", "nowhere"], 255, "no revision"),
        (["diff", "--output=/etc/passwd"], 254, "output"),
        (["gc", "-f"], 255, "what is to be kept"),
        (["add", "../outside"], 255, "outside"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_mistakes_are_explained(
    data: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    word: str,
) -> None:
    assert run(arguments) == code
    assert word in capsys.readouterr().err


def test_outside_of_a_repository_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["status"]) == 253
    assert "not inside of a DVC repository" in capsys.readouterr().err


def test_a_link_out_of_the_repository_is_not_written_through(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    subprocess.run(["rm", "-rf", "d"], check=True)
    mw_dvc("checkout", "-q")
    subprocess.run(["rm", "-rf", "d/sub"], check=True)
    (data / "d" / "sub").symlink_to(tmp_path / "elsewhere")
    assert run(["checkout", "--force"]) == 255
    assert "out of its folder" in capsys.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())


def test_starting_loads_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from millwright.data.dvc.command_line.main import run; run(['--help'])\n"
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"click", "pydantic", "sqlalchemy", "numpy", "pyarrow", "yaml", "dataclasses", "httpx"}
    assert not heavy & set(eval(done.stderr))


def test_the_version_is_one_that_python_can_compare(capsys: pytest.CaptureFixture[str]) -> None:
    from packaging.version import Version

    version = Version(said(capsys, "--version"))
    assert version >= Version("3.60")
    assert str(version.local).startswith("millwright")
