"""The pipelines that the tests load by name, and the databases that they run on."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from each_database import each_database, postgres_template
from millwright.pipelines.entry_point import load_file

__all__ = ["each_database", "postgres_template"]

FOLDER = Path(__file__).parent


@pytest.fixture
def flows() -> ModuleType:
    return load_file(FOLDER / "flows.py")
