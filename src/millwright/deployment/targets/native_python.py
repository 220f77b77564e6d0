"""This machine's own Python as the root of an image that builds on nothing: no base image is fetched.

The interpreter, the part of its library that servers use, and the system libraries that these and the
given extension modules link to, as the dynamic linker names them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from millwright.kernel.errors import Unavailable

PYTHON = "/usr/local/bin/python3"
LIBRARIES = "/usr/local/lib"
"""Where libraries go that are not at a usual place here; ``LD_LIBRARY_PATH`` of the image."""
_USUAL = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")
_USER = "millwright:x:65532:65532::/tmp:/sbin/nologin"
# Parts of the library for developing, for windows on a screen, and for installing.
_LEFT_OUT = (
    "config-*",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tkinter",
    "turtledemo",
    "__pycache__",
    "tests",
    "_tkinter*",
    "_test*",
    "_ctypes_test*",
    "xxlimited*",
)
_LINKED = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)")


def write_root(root: Path, extensions: Iterable[Path]) -> None:
    """Fill ``root`` with Python and all that it and the extension modules link to.

    Raises:
        Unavailable: this is not a Linux whose dynamic linker can be asked.
    """
    if not sys.platform.startswith("linux"):
        raise Unavailable(
            "targets.not_linux",
            "An image that builds on nothing takes this machine's Python, and this is no Linux.",
            hint="Name an image to build on: base: python:"
            f"{sys.version_info.major}.{sys.version_info.minor}-slim",
        )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        root / "usr/local/lib" / version,
        ignore=shutil.ignore_patterns(*_LEFT_OUT),
        symlinks=False,
    )
    interpreter = Path(sys.executable).resolve()
    target = root / PYTHON.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(interpreter, target)
    own = list((root / "usr/local/lib" / version / "lib-dynload").glob("*.so"))
    _copy_linked(root, [interpreter, *own, *extensions])
    _strip(root)
    (root / "tmp").mkdir(mode=0o1777, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text(f"root:x:0:0::/:/sbin/nologin\n{_USER}\n")
    (root / "etc/group").write_text("root:x:0:\nmillwright:x:65532:\n")


def _strip(root: Path) -> None:
    """Without what only debuggers read, where the tool for it is here: Python is half as large."""
    if (program := shutil.which("strip")) is None:
        return
    whole = [root / PYTHON.lstrip("/"), *(root / LIBRARIES.lstrip("/")).glob("libpython*.so*")]
    subprocess.run([program, "--strip-unneeded", *map(str, whole)], check=False, timeout=60)


def _copy_linked(root: Path, binaries: Iterable[Path]) -> None:
    context = str(root.parent)
    for path in sorted(_linked(binaries)):
        if path.startswith(context):
            continue
        target = root / (
            path if path.startswith(_USUAL) else f"{LIBRARIES}/{Path(path).name}"
        ).lstrip("/")
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(Path(path).resolve(), target)
        target.chmod(0o755)


def _linked(binaries: Iterable[Path]) -> set[str]:
    """Libraries that these link to, by their paths."""
    found: set[str] = set()
    for binary in binaries:
        try:
            told = subprocess.run(
                ["ldd", str(binary)], capture_output=True, text=True, timeout=30, check=False
            ).stdout
        except OSError as cause:
            raise Unavailable(
                "targets.no_ldd",
                f"The dynamic linker cannot be asked: {cause.strerror}.",
                hint="Name an image to build on with: --set base=python:…-slim",
            ) from cause
        found |= set(_LINKED.findall(told))
    return found
