"""Objects behind the door as Arrow's own readers want them: a file system of a few names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.fs

from millwright.data.handles.remote_object import RemoteObject


def as_filesystem(objects: Mapping[str, RemoteObject]) -> pa.fs.PyFileSystem:
    """A read-only Arrow file system in which each name is one object."""
    return pa.fs.PyFileSystem(_Objects(objects))


class _Objects(pa.fs.FileSystemHandler):  # type: ignore[misc]
    def __init__(self, objects: Mapping[str, RemoteObject]) -> None:
        self._objects = dict(objects)

    def get_type_name(self) -> str:
        return "mw"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[Any]:
        return [self._info(path) for path in paths]

    def get_file_info_selector(self, selector: Any) -> list[Any]:
        return [self._info(path) for path in self._objects]

    def open_input_file(self, path: str) -> pa.PythonFile:
        # Arrow closes what it has read; the next reading opens it anew.
        return pa.PythonFile(self._objects[path].again(), "r")

    open_input_stream = open_input_file

    def _info(self, path: str) -> Any:
        found = self._objects.get(path)
        if found is None:
            return pa.fs.FileInfo(path, pa.fs.FileType.NotFound)
        return pa.fs.FileInfo(path, pa.fs.FileType.File, size=found.size)

    def _refused(self, *_: Any, **__: Any) -> NoReturn:
        raise OSError("Versions of datasets never change.")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _refused
    delete_file = move = copy_file = open_output_stream = open_append_stream = _refused
