"""DVC itself as the judge: it finds clean what we write, and we what it writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from dvc_repositories import GIT, commit, git, mw_dvc, write

from millwright.data.dvc.exporting import export_versions
from millwright.data.dvc.files import CURRENT, LEGACY
from millwright.data.dvc.importing import import_repository
from millwright.data.working.place import Place
from millwright.kernel.workspace import Workspace

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "benchmarks" / "data"))
Run = Callable[..., str]

pytestmark = pytest.mark.slow


def peer(name: str) -> Run:
    """Runs commands of a DVC installed beside us; skips where it is not."""
    program = ROOT / ".peers" / name / "bin" / "dvc"
    if not program.exists():
        pytest.skip(f"{name} is not installed: run ci/peer {name}")

    def run(where: Path, *arguments: str) -> str:
        done = subprocess.run(
            [program, *arguments],
            cwd=where,
            env=os.environ | GIT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


FILES = {
    "d/a.txt": b"a\r\nb\n",
    "d/sub/\xfcn\xef b.bin": b"\x00x",
    "d/empty": b"",
    "2024 file: #1.csv": b"x,y\r\n",
}
CLEAN = "Data and pipelines are up to date.\n"
TARGETS = ("d", "2024 file: #1.csv", "run.sh")


def made(root: Path) -> None:
    """Data of every sort in a new git repository."""
    git(root, "init", "-q")
    write(root, FILES | {"run.sh": b"#!/bin/sh\n"})
    (root / "run.sh").chmod(0o755)


def test_what_mw_dvc_writes_dvc_finds_clean_and_writes_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet_git: None
) -> None:
    dvc = peer("dvc")
    made(tmp_path)
    monkeypatch.chdir(tmp_path)
    mw_dvc("init", "-q")
    mw_dvc("add", "-q", *TARGETS)
    commit(tmp_path, "by mw-dvc")
    mw_dvc("remote", "add", "-q", "-d", "up", str(tmp_path.parent / "remote-of-mw-dvc"))
    mw_dvc("push", "-q")
    assert dvc(tmp_path, "status") == CLEAN
    assert dvc(tmp_path, "push") == "Everything is up to date.\n"
    dvc(tmp_path, "add", "-q", *TARGETS)
    assert git(tmp_path, "status", "--porcelain") == "M .dvc/config"
    subprocess.run(["rm", "-rf", ".dvc/cache", *TARGETS], check=True)
    dvc(tmp_path, "pull", "-q")
    mw_dvc("status", "-q")
    assert (tmp_path / "d" / "a.txt").read_bytes() == b"a\r\nb\n"


def test_what_dvc_writes_mw_dvc_finds_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet_git: None
) -> None:
    dvc = peer("dvc")
    made(tmp_path)
    monkeypatch.chdir(tmp_path)
    dvc(tmp_path, "init", "-q")
    dvc(tmp_path, "add", "-q", *TARGETS)
    commit(tmp_path, "by dvc")
    mw_dvc("status", "-q")
    mw_dvc("add", "-q", *TARGETS)
    assert git(tmp_path, "status", "--porcelain") == ""
    dvc(tmp_path, "remote", "add", "-q", "-d", "up", str(tmp_path / "remote"))
    dvc(tmp_path, "push", "-q")
    subprocess.run(["rm", "-rf", ".dvc/cache", *TARGETS], check=True)
    mw_dvc("pull", "-q")
    assert dvc(tmp_path, "status") == CLEAN
    write(tmp_path, {"d/new": b"new"})
    mw_dvc("add", "-q", "d")
    assert dvc(tmp_path, "status") == CLEAN


@pytest.mark.parametrize("name", ["dvc", "dvc2"])
def test_a_repository_of_either_dvc_is_imported_whole(
    tmp_path: Path, quiet_git: None, name: str
) -> None:
    dvc = peer(name)
    root = tmp_path / "repository"
    root.mkdir()
    made(root)
    dvc(root, "init", "-q")
    dvc(root, "add", "-q", *TARGETS)
    commit(root, "first")
    write(root, {"d/more": os.urandom(300_000)})
    dvc(root, "add", "-q", "d")
    commit(root, "second")
    cache = {p.stat().st_ino for p in (root / ".dvc" / "cache").rglob("*") if p.is_file()}
    (tmp_path / "workspace").mkdir()
    place = Place(Workspace(tmp_path / "workspace"), "team")
    report = import_repository(place, str(root))
    assert report.complete
    assert report.new == 4
    links = place.workspace.objects / "projects" / "team" / "links"
    assert {p.stat().st_ino for p in links.rglob("*") if p.is_file()} <= cache
    assert dvc(root, "status") == CLEAN
    if name == "dvc":
        back = tmp_path / "back"
        export_versions(place, [], back)
        assert dvc(back, "status") == CLEAN
        for file in root.glob("?*.dvc"):
            assert (back / file.name).read_text() == file.read_text()


@pytest.mark.parametrize(("name", "kind"), [("dvc", CURRENT), ("dvc2", LEGACY)])
def test_dvc_finds_an_export_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet_git: None, name: str, kind: str
) -> None:
    dvc = peer(name)
    root = tmp_path / "repository"
    root.mkdir()
    made(root)
    monkeypatch.chdir(root)
    mw_dvc("init", "-q")
    mw_dvc("add", "-q", *TARGETS)
    commit(root, "first")
    (tmp_path / "workspace").mkdir()
    place = Place(Workspace(tmp_path / "workspace"), "team")
    import_repository(place, str(root))
    out = tmp_path / "out"
    export_versions(place, [], out, kind)
    assert dvc(out, "status") == CLEAN
    commit(out, "exported")
    dvc(out, "remote", "add", "-q", "-d", "up", str(tmp_path / "remote"))
    assert "6 files pushed" in dvc(out, "push")
    # DVC 2 forgets that a file may be executed when it is added again.
    dvc(out, "add", "-q", *(TARGETS if kind == CURRENT else TARGETS[:2]))
    assert git(out, "status", "--porcelain") == "M .dvc/config"
    subprocess.run(["rm", "-rf", "d"], cwd=out, check=True)
    dvc(out, "checkout", "-q")
    assert dvc(out, "status") == CLEAN
    assert (out / "d" / "a.txt").read_bytes() == b"a\r\nb\n"


def test_dvc_s_own_benchmark_tests_pass(tmp_path: Path) -> None:
    peer("dvc")
    from dvc_benchmark_tests import run_tests
    from dvc_inputs import make

    python = ROOT / ".peers" / "dvc" / "bin" / "python"
    ours = Path(sys.executable).with_name("mw-dvc")
    if not ours.exists():
        pytest.skip("mw-dvc is not installed: pip install -e .")
    inputs = make(tmp_path / "inputs", str(python.with_name("dvc")), {"tiny": 10})
    # 100 rounds each of help and init say nothing more about whether they work.
    outcome = run_tests(
        str(python), str(ours), inputs, tmp_path / "run", data_set="tiny", chosen="not init"
    )
    assert outcome.code == 0, outcome.text
    assert " passed" in outcome.text
    assert "skipped" not in outcome.text
    assert len(outcome.seconds) > 60
