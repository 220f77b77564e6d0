"""Datasets of another Millwright: a server, or a workspace folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

import pyarrow as pa

from millwright.data.connectors.interface import Content, FilesContent, TableContent
from millwright.data.connectors.records import SourceState
from millwright.data.handles.dataset import Dataset
from millwright.data.references import split
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import InvalidInput
from millwright.kernel.workspace import Workspace

TOKEN: Final = "MILLWRIGHT_SOURCE_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the token for the other server."""


class MillwrightSource:
    """A version of a dataset elsewhere.

    Args:
        place: ``http(s)://host:port/PROJECT/NAME@VERSION``, or the same behind the path of a
            workspace folder.
    """

    def __init__(self, place: str) -> None:
        parts = place.rsplit("/", 2)
        if len(parts) != 3 or not all(parts):
            raise InvalidInput(
                "data.other_millwright",
                "A dataset of another Millwright is named by place, project and version.",
                hint="Write it as millwright+https://host/PROJECT/NAME@VERSION.",
                value=place,
            )
        base, self._project, self._reference = parts
        split(self._reference)
        self._base = base if "://" in base else str(Path(base).resolve())

    @property
    def url(self) -> str:
        """``millwright+http://…``, or ``millwright:///…`` for a folder."""
        scheme = "millwright+" if "://" in self._base else "millwright://"
        return f"{scheme}{self._base}/{self._project}/{self._reference}"

    def state(self) -> SourceState:
        """The digest of the version that the reference names now."""
        return SourceState(kind="dataset-version", value=self._dataset.version.digest)

    def content(self, scratch: Path) -> Content:
        """The rows or files of that version."""
        from millwright.data.handles.local_copy import write_folder

        dataset = self._dataset
        if dataset.version.kind == "table":
            return TableContent(self._pieces(dataset))
        folder = scratch / "files"
        folder.mkdir()
        write_folder(self._door, self._project, dataset._files, folder)
        return FilesContent(folder)

    @cached_property
    def _door(self) -> Door:
        if "://" in self._base:
            return connect(url=self._base, token=os.environ.get(TOKEN))
        return connect(Workspace(Path(self._base)))

    @cached_property
    def _dataset(self) -> Dataset:
        return Dataset(self._door, self._project, self._reference)

    @staticmethod
    def _pieces(dataset: Dataset) -> Iterator[pa.Table]:
        for batch in dataset.batches():
            yield pa.Table.from_batches([batch])
