"""The tables module, offered as fixtures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_TABLES = _load(Path(__file__).with_name("tables.py"))


@pytest.fixture
def made_table():
    return _TABLES.made_table


@pytest.fixture
def real_table():
    return _TABLES.real_table
