"""DVC remotes in S3: the same objects, whoever put them there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dvc_repositories import mw_dvc, write

import s3_server
from millwright.data.dvc.command_line.main import run
from millwright.data.dvc.importing import import_repository
from millwright.data.working.place import Place
from millwright.kernel.workspace import Workspace


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 with the bucket ``bucket``."""
    with s3_server.running() as endpoint:
        s3_server.make_bucket(endpoint, "bucket")
        yield endpoint


@pytest.fixture
def remote(s3: str, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a default remote in S3, its credentials in the local configuration."""
    for name in s3_server.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    mw_dvc("remote", "add", "-q", "-d", "up", f"s3://bucket/{repository.parent.name}")
    mw_dvc("remote", "modify", "up", "endpointurl", s3)
    mw_dvc("remote", "modify", "--local", "up", "access_key_id", "test")
    mw_dvc("remote", "modify", "--local", "up", "secret_access_key", "test")
    write(repository, {"d/a": b"1", "d/b/c": b"2" * 100_000, "f": b"3"})
    mw_dvc("add", "-q", "d", "f")
    return repository


def test_data_travels_through_s3(remote: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mw_dvc("push")
    assert capsys.readouterr().out == "4 files pushed\n"
    mw_dvc("push")
    assert capsys.readouterr().out == "Everything is up to date.\n"
    subprocess.run(["rm", "-rf", ".dvc/cache", "d", "f"], check=True)
    mw_dvc("pull", "-q")
    assert (remote / "d" / "b" / "c").read_bytes() == b"2" * 100_000
    write(remote, {"f": b"changed"})
    mw_dvc("add", "-q", "f")
    mw_dvc("push", "-q")
    mw_dvc("gc", "-f", "-w", "-c")
    assert "1 unused objects of repo objects removed from the remote" in capsys.readouterr().out


def test_an_import_fetches_from_s3(remote: Path, tmp_path: Path) -> None:
    mw_dvc("push", "-q")
    subprocess.run(["rm", "-rf", ".dvc/cache"], check=True)
    (tmp_path / "workspace").mkdir()
    place = Place(Workspace(tmp_path / "workspace"), "team")
    report = import_repository(place, str(remote))
    assert report.complete
    assert report.objects_fetched == 3


def test_a_remote_that_does_not_answer_is_named(
    remote: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mw_dvc("remote", "add", "-q", "gone", "s3://nobucket/x")
    mw_dvc("remote", "modify", "gone", "endpointurl", "http://127.0.0.1:9")
    mw_dvc("remote", "modify", "gone", "region", "us-east-1")
    assert run(["push", "-r", "gone"]) == 255
    assert "'gone' does not answer" in capsys.readouterr().err


def test_a_remote_of_another_kind_says_what_to_do(
    remote: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mw_dvc("remote", "add", "-q", "far", "ssh://host/path")
    assert run(["push", "-r", "far"]) == 255
    assert "dvc fetch" in capsys.readouterr().err
