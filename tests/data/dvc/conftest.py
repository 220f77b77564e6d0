"""A git repository with DVC in it, as the current folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import dvc_repositories


@pytest.fixture
def quiet_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git and DVC as on a machine where nobody configured anything."""
    for name, value in dvc_repositories.GIT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MILLWRIGHT_URL", raising=False)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet_git: None) -> Path:
    """A new repository, entered."""
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    dvc_repositories.git(root, "init", "-q")
    dvc_repositories.mw_dvc("init", "-q")
    return root
