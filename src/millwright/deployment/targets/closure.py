"""What a server of one model really loads: found by loading it, and copied from this environment.

A model that was tested here is served elsewhere by the same versions of the same libraries, and by
nothing else: no compiler, no package manager, no training library.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path, PurePosixPath

from millwright.kernel.errors import Unavailable
from millwright.serving import TRUST

_PROBE = """
import json, sys
from pathlib import Path
from millwright.serving.container import everything_for
everything_for(Path(sys.argv[1]), behind_http=sys.argv[2] == "1")
names = sorted(name for name in sys.modules if name not in before)
print(json.dumps(names))
"""
_SECONDS = 120
# Sources for compilers, tests, and parts that need servers of their own; nothing imports them here.
_LEFT_OUT_FOLDERS = {
    "numpy": ("tests", "f2py", "_core/include", "_core/lib"),
    "onnxruntime": ("transformers", "quantization", "tools", "datasets", "backend"),
    "pyarrow": ("tests", "include", "includes", "src"),
}
_LEFT_OUT_NAMES = (
    "libarrow_flight",
    "libarrow_python_flight",
    "libarrow_s3",
    # The module holds the same code once more.
    "libonnxruntime.so",
    "_flight.",
    "_s3fs.",
    "_pyarrow_cpp_tests.",
)
_LEFT_OUT_ENDINGS = (".pxd", ".pyx", ".pxi", ".h", ".hpp", ".pyi", ".c", ".a", ".lib")


def distributions_for(
    package: Path, *, behind_http: bool = False, trust_code: bool = False
) -> tuple[str, ...]:
    """Names of the installed distributions that serving this model package loads.

    Args:
        package: its folder.
        behind_http: somebody else reads the sockets, and what does it here is not needed.
        trust_code: whether the package may run code that it holds, here and now.

    Raises:
        Unavailable: the model cannot be loaded in this environment.
    """
    script = f"import sys\nbefore = set(sys.modules)\n{_PROBE}"
    ended = subprocess.run(
        [sys.executable, "-c", script, str(package), str(int(behind_http))],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        env={**os.environ, TRUST: str(int(trust_code))},
        check=False,
    )
    if ended.returncode != 0:
        last = (ended.stderr.strip().splitlines() or ["no reason was given"])[-1]
        raise Unavailable(
            "targets.cannot_load",
            f"The model cannot be loaded here, so what it needs is not known: {last}",
            hint="Try it first with: mw serve FOLDER",
        )
    modules = {name.partition(".")[0] for name in json.loads(ended.stdout.splitlines()[-1])}
    known = packages_distributions()
    found = {one for module in modules for one in known.get(module, ())}
    return tuple(sorted(found - {"millwright"}, key=str.lower))


def copy_distributions(names: tuple[str, ...], folder: Path) -> None:
    """Copy installed distributions, and Millwright itself, as a folder for ``PYTHONPATH``."""
    for name in names:
        found = distribution(name)
        for file in found.files or ():
            relative = PurePosixPath(file)
            if _is_wanted(relative):
                _copy(Path(str(found.locate_file(file))), folder / relative)
    _copy_millwright(folder)
    _link_duplicates(folder)


def _link_duplicates(folder: Path) -> None:
    """One file in place of those that wheels repeat under the names of its versions."""
    seen: dict[tuple[Path, int, bytes], Path] = {}
    for file in sorted(folder.rglob("*.so*")):
        if file.is_symlink() or not file.is_file():
            continue
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").digest()
        first = seen.setdefault((file.parent, file.stat().st_size, digest), file)
        if first is not file:
            file.unlink()
            file.symlink_to(first.name)


def versions_of(names: tuple[str, ...]) -> dict[str, str]:
    """Their versions, by name: the image's bill of materials."""
    found: dict[str, Distribution] = {name: distribution(name) for name in names}
    return {name: one.version for name, one in found.items()}


def _copy_millwright(folder: Path) -> None:
    import millwright

    home = Path(millwright.__file__).parent
    wanted = [home / "__init__.py", *(home / "kernel").rglob("*.py")]
    wanted += [
        file for file in (home / "serving").rglob("*") if file.suffix in (".py", ".proto", ".pyi")
    ]
    wanted += home.glob("*.py")
    for file in wanted:
        _copy(file, folder / "millwright" / file.relative_to(home))
    # Its version is asked of its metadata.
    metadata = folder / f"millwright-{millwright.__version__}.dist-info" / "METADATA"
    metadata.parent.mkdir(exist_ok=True)
    metadata.write_text(
        f"Metadata-Version: 2.1\nName: millwright\nVersion: {millwright.__version__}\n"
    )


def _is_wanted(file: PurePosixPath) -> bool:
    parts = file.parts
    if ".." in parts or file.is_absolute() or "__pycache__" in parts:
        # Commands and headers of the environment itself are not importable.
        return False
    if file.name.endswith(_LEFT_OUT_ENDINGS) or file.name.startswith(_LEFT_OUT_NAMES):
        return False
    inside = "/".join(parts[1:]) + "/"
    folders = _LEFT_OUT_FOLDERS.get(parts[0], ())
    return not any(inside.startswith(f"{name}/") or f"/{name}/" in inside for name in folders)


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o644)
