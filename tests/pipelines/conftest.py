"""The pipelines that the tests load by name."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from millwright.pipelines.entry_point import load_file

FOLDER = Path(__file__).parent


@pytest.fixture
def flows() -> ModuleType:
    return load_file(FOLDER / "flows.py")
