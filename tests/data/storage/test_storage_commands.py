"""`mw data remote`, push, pull, gc, fsck and erase as people type them; and who may do what."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from millwright.cli.main import cli
from millwright.data.storage.routes import router
from millwright.kernel.access import Permission


@pytest.fixture
def mw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command in a folder of its own and gives what it printed."""
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "mode")
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(folder: str, *words: str, code: int = 0) -> str:
        (tmp_path / folder).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / folder)
        if words[0] == "add":
            # A process that writes keeps its pack open until it ends.
            subprocess.run([Path(sys.executable).parent / "mw", "data", *words], check=True)
            return ""
        done = CliRunner().invoke(cli, ["data", *words])
        assert done.exit_code == code, done.output + repr(done.exception)
        return done.output

    return run


def test_retention_holds_in_a_project_of_data_alone(mw: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "millwright.yaml").write_text(
        "project: alone\nretention: {keep_last: 1}\n"
    )
    for text in ("id\n1\n", "id\n2\n"):
        (tmp_path / "alone" / "t.csv").unlink(missing_ok=True)
        (tmp_path / "alone" / "t.csv").write_text(text)
        mw("alone", "add", "t.csv")
    said = mw("alone", "gc")
    assert "t@1: retention keeps it no longer" in said
    assert "older than the grace" in said


def test_a_folder_goes_to_a_remote_and_comes_to_another_place(
    mw: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "here" / "photos").mkdir(parents=True)
    for number in range(20):
        (tmp_path / "here" / "photos" / f"{number}.txt").write_text(f"photo {number}")
    mw("here", "add", "photos")
    assert "the default" in mw("here", "remote", "add", "origin", "../store")
    assert "photos@1" in mw("here", "push")
    assert "nothing was moved" in mw("here", "push")
    shown = json.loads(mw("here", "remote", "show", "origin", "--json"))
    assert (shown["datasets"], shown["versions"], shown["packs"]) == (1, 1, 1)
    assert shown["remote"]["heads"] == "remote"

    mw("elsewhere", "remote", "add", "origin", "../store")
    assert "origin has nothing of project 'elsewhere'" in mw("elsewhere", "pull")
    assert "20 files written" in mw("elsewhere", "pull", "--project", "here")
    mw("there", "remote", "add", "origin", "../store", "--project", "here")
    assert "20 files written" in mw("there", "pull")
    assert (tmp_path / "there" / "photos" / "7.txt").read_text() == "photo 7"

    assert "all are what was stored" in mw("there", "fsck")
    assert "Would remove" in mw("there", "gc")
    report = json.loads(
        mw("here", "erase", "photos", "--path", "7.txt", "--reason", "asked", "--yes", "--json")
    )
    assert report["proven"]
    assert not (tmp_path / "here" / "photos" / "7.txt").exists()
    mw("there", "pull")
    assert not (tmp_path / "there" / "photos" / "7.txt").exists()
    assert len(list((tmp_path / "there" / "photos").iterdir())) == 19
    assert "forgotten" in mw("there", "remote", "remove", "origin")
    assert "no remotes" in mw("there", "remote", "list")


def test_checking_what_is_here_takes_no_key_of_a_remote(
    mw: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "photos").mkdir(parents=True)
    (tmp_path / "here" / "photos" / "1.txt").write_text("photo 1")
    mw("here", "add", "photos")
    monkeypatch.setenv("VAULT_KEY", "7" * 64)
    mw("here", "remote", "add", "vault", "../vault", "--key", "env:VAULT_KEY")
    mw("here", "push")
    monkeypatch.delenv("VAULT_KEY")
    assert "all are what was stored" in mw("here", "fsck")


def test_an_erasure_asks_before_it_acts(mw: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.txt").write_text("some text")
    mw("here", "add", "a.txt", "--name", "letters")
    said = mw("here", "erase", "letters", "--path", "a.txt", "--reason", "asked", code=1)
    assert "cannot be undone" in said
    assert (tmp_path / "here" / "a.txt").exists()


def test_erased_rows_go_from_the_file_that_the_table_was_given_as(
    mw: Callable[..., str], tmp_path: Path
) -> None:
    people = tmp_path / "here" / "people.csv"
    people.parent.mkdir()
    people.write_text("id,name\n1,ada\n2,the one to be forgotten\n")
    mw("here", "add", "people.csv", "--key", "id")
    row = ("erase", "people", "--row", "id=2", "--reason", "asked")
    assert "Would erase this from 1 version" in mw("here", *row, "--dry-run")
    plan = json.loads(mw("here", *row, "--json"))
    assert plan["dry_run"]
    assert plan["versions"][0]["rows"] == 1
    assert "forgotten" in people.read_text()
    told = mw("here", *row, "--yes")
    assert f"removed: {people}" in told
    assert "1 row on " in mw("here", "show", "people@1")
    assert not people.exists()
    mw("here", "checkout", "people")
    left = [path.read_bytes() for path in people.parent.glob("people*") if path.is_file()]
    assert left
    assert not any(b"forgotten" in content for content in left)


def test_a_push_with_nothing_new_and_no_server_costs_little(
    mw: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "here" / "photos").mkdir(parents=True)
    (tmp_path / "here" / "photos" / "a").write_text("a")
    mw("here", "add", "photos")
    mw("here", "remote", "add", "origin", "../store")
    mw("here", "push")
    code = (
        "import sys; from millwright.cli.main import cli;"
        "cli(['data', 'push'], standalone_mode=False);"
        "heavy = {'sqlalchemy', 'fastapi', 'pydantic', 'numpy', 'pyarrow', 'obstore', 'httpx'};"
        "print(*sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=tmp_path / "here"
    )
    assert done.stdout.splitlines()[-1] == ""


def test_only_administrators_make_the_server_reach_out_or_destroy() -> None:
    needed: dict[tuple[str, str], Any] = {}
    for route in router.routes:
        path = route.path.partition("/storage")[2]  # type: ignore[attr-defined]
        for method in route.methods:  # type: ignore[attr-defined]
            needed[method, path] = route.permission  # type: ignore[attr-defined]
    assert needed["POST", "/remotes"] == Permission.ADMIN
    assert needed["DELETE", "/remotes/{name}"] == Permission.ADMIN
    assert needed["POST", "/gc"] == Permission.ADMIN
    assert needed["POST", "/erasures"] == Permission.ADMIN
    assert needed["POST", "/push"] == Permission.WRITE
    assert needed["POST", "/fsck"] == Permission.WRITE
