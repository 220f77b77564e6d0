"""The UI in a real browser, against real servers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from millwright.server.static import UI_FOLDER

if TYPE_CHECKING:
    from conftest import Installations

WEB = Path(__file__).parents[2] / "web"
PLAYWRIGHT = WEB / "node_modules" / "@playwright" / "test"
CHROMIUM = os.environ.get("MW_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed"),
    pytest.mark.skipif(not PLAYWRIGHT.is_dir(), reason="run: npm --prefix web ci"),
    pytest.mark.skipif(
        not (UI_FOLDER / "index.html").is_file(), reason="run: npm --prefix web run build"
    ),
]


@pytest.mark.parametrize(
    "suite",
    ["logic", "reading", "tracking", "keyboard", "accessibility", "changes", "empty", "token"],
)
def test_the_ui_in_chromium(installations: Installations, suite: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "MW_URL": installations.seeded,
        "MW_EMPTY_URL": installations.empty,
        "MW_GUARDED_URL": installations.guarded,
        "MW_TOKEN": installations.token,
        "MW_CHROMIUM": CHROMIUM,
        "MW_E2E_OUTPUT": str(tmp_path),
        "CI": "1",
    }
    ended = subprocess.run(
        ["npx", "--no-install", "playwright", "test", f"{suite}.spec.ts"],
        cwd=WEB,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
