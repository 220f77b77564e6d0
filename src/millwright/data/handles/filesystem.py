"""``mw://name@version/path`` for every library that reads through fsspec: pandas, Polars, Dask …

Registered by its entry point, so ``pandas.read_parquet("mw://flights@1")`` works once fsspec is
installed. A version that is a table is one Parquet file, ``mw://flights@1``; one of files is a
folder, ``mw://photos@2/train/1.jpg``. Only what is read is brought over, and nothing can be written.
"""

from __future__ import annotations

import io
from typing import Any, ClassVar

from fsspec.spec import AbstractFileSystem

from millwright.data.handles.dataset import Dataset
from millwright.kernel.door import Door


class MillwrightFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Dataset versions as a read-only file system.

    Args:
        project: whose datasets; as in ``mw.dataset``.
        door: an open door to use; opened when needed otherwise.
    """

    protocol: ClassVar[str] = "mw"
    root_marker: ClassVar[str] = ""
    cachable: ClassVar[bool] = False

    def __init__(self, project: str | None = None, door: Door | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._project, self._door = project, door
        self._known: dict[str, Dataset] = {}

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Size and kind of a path; ``FileNotFoundError`` where there is none."""
        reference, inside = self._split(path)
        dataset = self._dataset(reference)
        if dataset.version.kind == "table" and inside in ("", "table.parquet"):
            return self._entry(self._strip_protocol(path), dataset.version.size, folder=False)
        if not inside:
            return self._entry(reference, 0, folder=True)
        found = dataset._files.get(inside)
        if found is not None:
            return self._entry(f"{reference}/{inside}", found.size, folder=False)
        if dataset._files.listing(inside):
            return self._entry(f"{reference}/{inside}", 0, folder=True)
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What is in a folder of a version."""
        reference, inside = self._split(path)
        here = self.info(path)
        if here["type"] == "file":
            found = [here]
        else:
            listed = self._dataset(reference)._files.listing(inside)
            prefix = f"{reference}/{inside}/" if inside else f"{reference}/"
            found = [self._entry(prefix + name, size, folder=sub) for name, size, sub in listed]
        return found if detail else [one["name"] for one in found]

    def created(self, path: str) -> Any:
        """When the version was kept."""
        from datetime import datetime

        return datetime.fromisoformat(self._dataset(self._split(path)[0]).version.created_at)

    modified = created

    def checksum(self, path: str) -> str:
        """The digest of the bytes at a path."""
        reference, inside = self._split(path)
        return self._dataset(reference).raw(inside or None).digest

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if mode != "rb":
            raise OSError("mw:// is read-only: versions never change.")
        if self.info(path)["type"] == "directory":
            raise IsADirectoryError(path)
        reference, inside = self._split(path)
        return io.BufferedReader(self._dataset(reference).raw(inside or None), 1 << 16)

    def _dataset(self, reference: str) -> Dataset:
        from millwright.data.api import dataset
        from millwright.kernel.errors import NotFound

        if reference not in self._known:
            try:
                self._known[reference] = dataset(reference, project=self._project, door=self._door)
            except NotFound as cause:
                raise FileNotFoundError(str(cause)) from cause
        return self._known[reference]

    def _split(self, path: str) -> tuple[str, str]:
        reference, _, inside = self._strip_protocol(path).partition("/")
        if not reference:
            raise FileNotFoundError("mw:// names no dataset: write mw://name@version/path.")
        return reference, inside.strip("/")

    @staticmethod
    def _entry(name: str, size: int, *, folder: bool) -> dict[str, Any]:
        return {"name": name, "size": size, "type": "directory" if folder else "file"}
