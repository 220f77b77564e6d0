"""Virtual environments of steps' own: an interpreter that is named, or one made from requirements.

A made environment sees what this one has behind what it was given, so Millwright itself and the
project's other packages are there, and the step's requirements go first.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

from blake3 import blake3

from millwright.kernel.errors import Unavailable
from millwright.kernel.locks import exclusive
from millwright.pipelines.graph import Setting


def interpreter(setting: Setting, state: Path) -> str:
    """The Python that a step runs with; made under ``state`` where it asks for packages.

    Raises:
        Unavailable: the packages cannot be installed.
    """
    if setting.packages:
        return str(_made(setting.python or sys.executable, setting.packages, state))
    return setting.python or sys.executable


def _made(base: str, packages: tuple[str, ...], state: Path) -> Path:
    lock = "\n".join([base, sys.version, *sorted(packages)])
    folder = state / "environments" / blake3(lock.encode()).hexdigest()[:16]
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    with exclusive(folder.with_suffix(".lock")):
        if not (folder / "ready").exists():
            _make(base, folder, packages)
    return python


def _make(base: str, folder: Path, packages: tuple[str, ...]) -> None:
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    for command in ([base, "-m", "venv", folder], install):
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Unavailable(
                "pipelines.environment",
                f"The environment with {', '.join(packages)} could not be made: "
                f"{done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'pip failed'}",
                hint="See whether pip can install these here.",
            )
    site = next((folder / "lib").glob("python*/site-packages"))
    ours = [sysconfig.get_path("purelib"), str(Path(__file__).parent.parent.parent)]
    (site / "millwright-behind.pth").write_text("\n".join(ours) + "\n")
    (folder / "ready").touch()
