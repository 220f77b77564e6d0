"""Workspaces with versions in them, and remotes of each kind."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from millwright.data.working.place import Place
from millwright.kernel.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent))
from storage_bench import Bench

import s3_server


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Bench]:
    """Makes workspaces by name, all of the project ``p``."""
    monkeypatch.setenv("MILLWRIGHT_PROTECT", "mode")
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN", "MILLWRIGHT_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def make(name: str) -> Bench:
        workspace = Workspace(tmp_path / name)
        workspace.folder()
        return Bench(Place(workspace, "p"))

    return make


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with s3_server.running() as endpoint:
        s3_server.make_bucket(endpoint, "bucket")
        yield endpoint


_corners = itertools.count()


@pytest.fixture(params=["folder", "s3", "encrypted"])
def address(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Arguments for ``Bench.remote``, for each kind."""
    if request.param == "s3":
        for name, value in s3_server.ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        return {
            "address": f"s3://bucket/storage-{next(_corners)}",
            "endpoint": request.getfixturevalue("s3"),
        }
    if request.param == "encrypted":
        monkeypatch.setenv("A_KEY", "ab" * 32)
        return {"address": str(tmp_path / "remote"), "key": "env:A_KEY"}
    return {"address": str(tmp_path / "remote")}
