"""Builds the UI into the package when the package is built: wheel, sdist and editable installs.

``MW_SKIP_UI=1`` leaves it out (the API and the command line work without it). A UI that is already
built and newer than its sources is used as it is, so a wheel made from an sdist needs no Node.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LEAST_NODE = (20, 19)
SOURCES = ("src", "public", "scripts", "index.html", "package-lock.json", "vite.config.ts")
ADVICE = (
    "The UI cannot be built: Millwright needs Node 20.19 or newer with npm, and found {found}.\n"
    "Install it (https://nodejs.org, or: apt-get install nodejs npm), or set MW_SKIP_UI=1 to "
    "install without the UI."
)


class UiBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs ``npm ci`` and ``npm run build`` where that is needed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before each build; ``version`` is "standard" or "editable"."""
        if os.environ.get("MW_SKIP_UI") == "1":
            return
        root = Path(self.root)
        built = root / "src" / "millwright" / "server" / "ui" / "index.html"
        # An unpacked sdist carries the UI it was released with, and file times that mean nothing.
        released = (root / "PKG-INFO").is_file() and built.is_file()
        if not released and not is_current(built, root / "web"):
            build_ui(root / "web")


def is_current(built: Path, web: Path) -> bool:
    """Whether the built page is there and newer than every source."""
    if not built.is_file():
        return False
    made = built.stat().st_mtime
    return all(path.stat().st_mtime <= made for path in _sources(web))


def build_ui(web: Path) -> None:
    """Install the UI's dependencies where they are missing and build it.

    Raises:
        SystemExit: there is no usable Node, or a step failed.
    """
    npm = shutil.which("npm")
    found = node_version()
    if npm is None or found is None or found < LEAST_NODE:
        what = "no npm" if npm is None else "no Node"
        if found is not None and npm is not None:
            what = f"Node {'.'.join(map(str, found))}"
        raise SystemExit(ADVICE.format(found=what))
    environment = {**os.environ, "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1"}
    steps = [["run", "build"]]
    if not _dependencies_current(web):
        steps.insert(0, ["ci", "--no-audit", "--no-fund"])
    for step in steps:
        ended = subprocess.run([npm, *step], cwd=web, env=environment, check=False)
        if ended.returncode != 0:
            raise SystemExit(f"Building the UI failed at: npm {' '.join(step)} (in {web}).")


def node_version() -> tuple[int, int] | None:
    """Major and minor version of the Node on the path."""
    node = shutil.which("node")
    if node is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.(\d+)", told)
    return (int(match[1]), int(match[2])) if match else None


def _dependencies_current(web: Path) -> bool:
    installed = web / "node_modules" / ".package-lock.json"
    wanted = web / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= wanted.stat().st_mtime


def _sources(web: Path) -> list[Path]:
    found: list[Path] = []
    for name in SOURCES:
        path = web / name
        found += [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    return [path for path in found if path.is_file()]
