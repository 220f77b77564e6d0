"""The real `mw`, as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MW = Path(sys.executable).parent / "mw"
Mw = Callable[..., "subprocess.CompletedProcess[str]"]


def run_mw(
    *arguments: str | Path, folder: Path, wrapped: tuple[str, ...] = (), **options: Any
) -> subprocess.CompletedProcess[str]:
    """`mw ARGUMENTS` in a folder; its exit code and what it said."""
    known = {k: v for k, v in os.environ.items() if not k.startswith("MILLWRIGHT_")}
    return subprocess.run(
        [*wrapped, str(MW), *map(str, arguments)],
        cwd=folder,
        env=known,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        **options,
    )


@pytest.fixture
def mw(tmp_path: Path) -> Mw:
    """`mw` in the test's own folder; another one with ``folder=``."""

    def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        return run_mw(*arguments, **({"folder": tmp_path} | options))

    return run
