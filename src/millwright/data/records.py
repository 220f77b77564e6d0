"""The records of the data room that cross the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millwright.data.quality.exchange import Standing
from millwright.data.schema import Column
from millwright.kernel.config import Name
from millwright.kernel.record import Record

VersionKind = Literal["table", "files"]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class NewVersion(Record):
    """A request to keep uploaded content as the next version of a dataset.

    Only the digest is taken on trust of being there; rows, columns, profile, files and sizes are
    read from the objects themselves.
    """

    digest: Digest
    """A Parquet object, or the root of a manifest where ``kind`` is ``files``."""
    source: Annotated[str, Field(max_length=1000)] = ""
    """Where it came from, for people."""
    kind: VersionKind = "table"
    branch: Name = "main"
    parents: tuple[str, ...] | None = None
    """Ids of the versions it came of; the newest of its branch when None."""
    message: Annotated[str, Field(max_length=10_000)] = ""
    key: tuple[str, ...] = ()
    """Columns of a table whose values together name a row."""
    original: Digest | None = None
    """The bytes that a table was given as."""


class DatasetVersion(Record):
    """One version of a dataset: a table, or files, that never change."""

    id: str
    project: str
    name: str
    version: int
    kind: VersionKind = "table"
    digest: str
    """The Parquet object of a table; the root of the manifest of files."""
    tree: str | None = None
    """The root of the manifest; None for a table."""
    size: int
    """Bytes of the Parquet object, or of all files."""
    rows: int = 0
    columns: tuple[Column, ...] = ()
    profile_digest: str = ""
    files: int = 0
    """Entries of the manifest: files, links and empty folders."""
    parents: tuple[str, ...] = ()
    """Ids of the versions it came of: none for the first, two for a merge."""
    branch: str = "main"
    tags: tuple[str, ...] = ()
    message: str = ""
    key: tuple[str, ...] = ()
    """Columns whose values together name a row, if they were declared."""
    original: str | None = None
    """The digest of the bytes that a table was given as."""
    source: str
    standing: Standing = Standing()
    """What its newest check said of its contract, and whether that was overridden."""
    created_at: str
    created_by: str

    @property
    def reference(self) -> str:
        """``name@version``, as ``mw.dataset`` takes it."""
        return f"{self.name}@{self.version}"


class DatasetRef(Record):
    """A name for a version: a tag, which stays, or a branch, which moves with new versions."""

    name: str
    ref: str
    kind: Literal["tag", "branch"]
    version: int
    version_id: str
    updated_at: str | None = None
    updated_by: str | None = None


class NewRef(Record):
    """A request to name a version."""

    kind: Literal["tag", "branch"] = "tag"
    version: str = "latest"
    """Which: a number, a tag, a branch, a digest, or ``latest``."""
    move: bool = False
    """Whether a tag that names another version may be moved."""


class FileItem(Record):
    """A name in a folder of a version."""

    name: str
    kind: Literal["file", "executable", "link", "folder", "erased"]
    size: int
    digest: str | None = None
    """The object with its bytes; None for a folder."""
    files: int = 0
    """Entries below a folder."""


class FileListing(Record):
    """Some of the names in a folder of a version, and where to go on."""

    items: tuple[FileItem, ...]
    after: str | None = None
    """Ask again with this to get more; None at the end."""


class FileChange(Record):
    """A file that differs between two versions."""

    change: Literal["added", "removed", "modified", "renamed"]
    path: str
    before: str | None = None
    """Where a renamed file was."""
    size_before: int | None = None
    size_after: int | None = None
    digest_before: str | None = None
    digest_after: str | None = None


class FileDiff(Record):
    """What differs between two versions, file by file."""

    name: str
    from_version: int
    to_version: int
    added: int
    removed: int
    modified: int
    renamed: int
    changes: tuple[FileChange, ...]
    """The first of them, by path; the numbers above count all."""
    truncated: bool = False


class JournalTaken(Record):
    """How many versions came in from the journal of the working copy."""

    versions: int


class Dataset(Record):
    """A dataset and its latest version."""

    name: str
    versions: int
    latest: DatasetVersion
