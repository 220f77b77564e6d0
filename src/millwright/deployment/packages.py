"""Model packages from the object store onto the disk that an inference server reads."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from millwright.kernel.model_package import MANIFEST
from millwright.kernel.store import Store
from millwright.registry import ModelVersion


def materialise(store: Store, version: ModelVersion) -> Path:
    """The folder of a version's package, written first if it is not there.

    The folder appears whole or not at all, and every byte is verified on the way. What happens to
    it afterwards the inference server notices: it verifies again before it loads.

    Raises:
        NotFound, Corrupt: the object store lacks a file or holds other bytes.
        OSError: the disk refuses.
    """
    packages = store.workspace.folder("packages")
    target = packages / version.id
    if target.exists():
        return target
    temporary = Path(tempfile.mkdtemp(prefix=f".{version.id}-", dir=packages))
    try:
        for name, digest in {**version.digests, MANIFEST: version.manifest}.items():
            _write(temporary / name, store.objects.of(version.project).read(digest))
        for folder in (*filter(Path.is_dir, temporary.iterdir()), temporary):
            _sync(folder)
        temporary.chmod(0o755)
        try:
            temporary.rename(target)
        except OSError:
            # Somebody else was faster; what they wrote has the same digests.
            if not target.exists():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def discard(store: Store, version_id: str) -> None:
    """Remove a package whose folder turned out to be damaged; the next use writes it anew."""
    shutil.rmtree(store.workspace.folder("packages") / version_id, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
