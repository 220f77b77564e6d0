"""A folder with sources, and a way to import from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millwright.data.connectors.importing import Imported, import_source
from millwright.data.connectors.records import SourceOptions
from millwright.kernel.door import Door

Import = Callable[..., Imported]


@pytest.fixture
def imported(door: Door, tmp_path: Path) -> Import:
    """Imports an address as the dataset ``d``, relative to the folder of the test."""

    def act(address: str | Path, name: str = "d", **options: Any) -> Imported:
        chosen = SourceOptions.model_validate(options)
        return import_source(door, "p", name, str(address), chosen, base=tmp_path)

    return act
