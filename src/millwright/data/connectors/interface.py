"""What every source can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from millwright.data.connectors.records import SourceState


@dataclass(frozen=True, slots=True)
class TableContent:
    """A table, piece by piece; and the file that it was given as, if it was one."""

    pieces: Iterator[pa.Table]
    original: Path | None = None


@dataclass(frozen=True, slots=True)
class FilesContent:
    """Files, in a folder of this machine."""

    folder: Path


Content = TableContent | FilesContent


class Source(Protocol):
    """A source of data. Opening one asks nothing of it; its methods do."""

    @property
    def url(self) -> str:
        """Where it is, free of secrets and independent of the working folder."""

    def state(self) -> SourceState | None:
        """The state it is in now; None where only reading it tells.

        Raises:
            NotFound, Unavailable, Forbidden, InvalidInput: it is not there, or not as it should be.
        """

    def content(self, scratch: Path) -> Content:
        """The data. ``scratch`` is an empty folder that lives as long as the content is used."""
