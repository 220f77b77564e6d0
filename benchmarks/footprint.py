"""What the base install brings: how many packages, how many megabytes.

    python benchmarks/footprint.py [EXTRA]

installs this checkout (with ``EXTRA``, if named) into a fresh virtual environment, counts what came
with it, and prints the largest. Not counted: pip and setuptools, which every environment has.
Exits with 1 if the base install is over its limits.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE_LIMIT = 60
SIZE_LIMIT_MB = 500
_NOT_COUNTED = {"pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack"}


def install(environment: Path, extra: str | None) -> Path:
    """A fresh environment with Millwright in it; the path of its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    what = f"{ROOT}[{extra}]" if extra else str(ROOT)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", what]
    subprocess.run(pip, check=True)
    return python


def packages(python: Path) -> list[str]:
    """The names of the installed distributions."""
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=json"], check=True, capture_output=True, text=True
    )
    return [item["name"] for item in json.loads(listed.stdout) if item["name"] not in _NOT_COUNTED]


def sizes(python: Path) -> Counter[str]:
    """Megabytes (10^6 bytes on disk, byte code included) by top folder of site-packages."""
    found: Counter[str] = Counter()
    site = next((python.parent.parent / "lib").glob("python*/site-packages"))
    for path in site.rglob("*"):
        top = path.relative_to(site).parts[0]
        name = top.split("-")[0].removesuffix(".libs").removesuffix(".py")
        if path.is_file() and name not in _NOT_COUNTED:
            found[name] += path.stat().st_size
    return found


def main(extra: str | None) -> int:
    """Install, measure, print; 0 if within the limits."""
    with tempfile.TemporaryDirectory() as folder:
        python = install(Path(folder) / "venv", extra)
        count, found = len(packages(python)), sizes(python)
    megabytes = found.total() / 1e6
    print(f"{'extra ' + extra if extra else 'base install'}: {count} packages, {megabytes:.0f} MB")
    for name, size in found.most_common(10):
        print(f"  {size / 1e6:6.1f} MB  {name}")
    if extra:
        return 0
    within = count <= PACKAGE_LIMIT and megabytes <= SIZE_LIMIT_MB
    print(f"{'within' if within else 'OVER'} {PACKAGE_LIMIT} packages and {SIZE_LIMIT_MB} MB")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
