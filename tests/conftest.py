"""Fixtures shared by all rooms: a workspace in a temporary folder, its store, and the door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from millwright.kernel.access import Actor, Role
from millwright.kernel.door import Door, connect
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace

# Files that even root cannot remove would outlive the folders of tests; what wants them says so.
os.environ.setdefault("MILLWRIGHT_PROTECT", "mode")
# What a run logs should be what its test logs; tests of the samples ask for them.
os.environ.setdefault("MILLWRIGHT_SYSTEM_METRICS", "0")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no worker is left with one when the others have nothing to do."""
    items.sort(key=lambda item: 0 if item.get_closest_marker("slow") else 1)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("MILLWRIGHT_URL", raising=False)
    monkeypatch.delenv("MILLWRIGHT_TOKEN", raising=False)
    return Workspace(tmp_path)


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    from millwright.server.opening import open_store

    opened = open_store(workspace)
    yield opened
    opened.close()


@pytest.fixture
def actor() -> Actor:
    return Actor("tester", Role.ADMIN)


@pytest.fixture
def door(workspace: Workspace) -> Iterator[Door]:
    with connect(workspace) as opened:
        yield opened
