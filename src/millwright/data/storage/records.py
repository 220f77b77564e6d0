"""The records of storage that cross the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millwright.kernel.record import Record

RemoteName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Reference = Annotated[str, Field(max_length=201)]
Jobs = Annotated[int, Field(ge=1, le=32)]


class NewRemote(Record):
    """A request to add a remote. Addresses and endpoints never hold credentials."""

    name: RemoteName
    address: Annotated[str, Field(max_length=1000)]
    endpoint: Annotated[str, Field(max_length=500)] | None = None
    key: Annotated[str, Field(max_length=500)] | None = None
    """``env:NAME`` or ``file:PATH``: where the server finds the key of an encrypted remote."""
    default: bool = False


class RemoteInfo(Record):
    """A remote, and what its store was found to keep."""

    name: str
    address: str
    endpoint: str | None
    default: bool
    encrypted: bool
    heads: Literal["remote", "database"]
    """Where the versions' heads are: in the database where the store ignores conditions."""


class RemoteContents(Record):
    """What a project has on a remote."""

    remote: RemoteInfo
    datasets: int
    versions: int
    packs: int
    chunks: int
    size: int


class Transfer(Record):
    """A request to move versions; without references, every dataset."""

    remote: RemoteName | None = None
    references: tuple[Reference, ...] = ()
    every: bool = False
    """All versions' bytes, not only those of the versions named (the latest)."""
    jobs: Jobs = 4
    seconds: Annotated[float, Field(gt=0, le=60)] = 30.0
    """End after so long; the same request goes on from there."""


class Transferred(Record):
    """What one turn of a transfer moved."""

    remote: str
    versions: tuple[str, ...]
    chunks: int
    packs: int
    size: int
    complete: bool
