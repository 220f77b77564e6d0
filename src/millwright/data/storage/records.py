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


class RemotePublished(Record):
    """A remote that plain HTTP can read from now on."""

    remote: str
    address: str
    objects: int
    """Objects in its list."""


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


class GarbageRequest(Record):
    """A request to collect garbage, or to say what would be collected."""

    dry_run: bool = True
    grace_seconds: Annotated[float, Field(ge=900)] = 86_400.0
    """What was added or met again within so long stays: its writer may be about to name it. No
    less than a quarter of an hour, as objects met again are dated anew only every ten minutes."""
    despite_damage: bool = False
    """Go on where manifests cannot be read; what they alone name is then removed."""


class GoneObject(Record):
    """An object that goes, and what it was."""

    digest: str
    was: str


class RemoteGarbageRequest(Record):
    """A request to remove from a remote what no version there needs."""

    dry_run: bool = True
    grace_seconds: Annotated[float, Field(ge=900)] = 86_400.0


class GonePack(Record):
    """A pack of a remote that is removed, or of which the little that is needed is written anew."""

    name: str
    size: int
    kept: int
    """Bytes of it that are needed, and move to another pack."""


class RemoteCollected(Record):
    """What a garbage collection on a remote removed, or would remove."""

    remote: str
    dry_run: bool
    packs: tuple[GonePack, ...]
    chunks: int
    """Chunks that no version on the remote needs."""
    freed: int
    """Bytes that the remote has less afterwards."""
    named: tuple[GoneObject, ...]


class Collected(Record):
    """What a garbage collection removed, or would remove."""

    dry_run: bool
    expired: tuple[str, ...]
    """Versions that the retention rules do not keep."""
    objects: int
    chunks: int
    size: int
    """Bytes of the chunks as they are stored."""
    freed: int
    """Bytes that the disk has again; packs of which little is gone wait until it pays."""
    named: tuple[GoneObject, ...]
    kept: dict[str, int]
    """How many objects each table refers to."""
    unreadable: tuple[str, ...]
    """Manifests whose bytes are on a remote only; what they name is kept there, not here."""


class DamagedChunk(Record):
    """Bytes that are not what was stored, and what needs them."""

    chunk: str
    kind: Literal["chunk", "recipe"]
    """``recipe``: the list of an object's chunks; ``chunk`` is then the object's digest."""
    path: str
    versions: tuple[str, ...]
    """References of dataset versions."""
    repaired: bool


class FsckRequest(Record):
    """A request to read every stored byte again."""

    repair_from: RemoteName | None = None
    """Put good copies from this remote in place of what is damaged or missing here."""
    remote: RemoteName | None = None
    """Read this remote instead of what is here."""
    repair: bool = False
    """Send again, from here, what is damaged or missing on the remote."""


class FsckReport(Record):
    """What reading every stored byte found."""

    chunks: int
    size: int
    damaged: tuple[DamagedChunk, ...]
    missing: tuple[str, ...]
    """Versions some of whose bytes are neither here nor known to be on a remote."""
    ok: bool


class ErasureRequest(Record):
    """A request to erase bytes from every kept version. Exactly one of path, digest and rows."""

    dataset: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")] | None = None
    """Needed with ``path`` and ``rows``; with ``digest``, all datasets are looked through."""
    path: Annotated[str, Field(max_length=4096)] | None = None
    """A file, or a folder with all below it."""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    rows: dict[str, Annotated[str, Field(max_length=1000)]] | None = None
    """Values by key column, as text: rows that have all of them are erased."""
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    """Kept in tombstones and in the log: say why, not what."""
    dry_run: bool = True
    remotes: bool = True
    """Erase on every remote of the workspace too."""


class ErasedVersion(Record):
    """A version from which something was erased, and what came of it."""

    reference: str
    paths: int
    rows: int
    runs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()


class Tombstone(Record):
    """What stands in place of what was erased from a version."""

    version: int
    paths: int
    """Files that were erased."""
    rows: int
    """Rows that were erased."""
    reason: str
    erased_at: str
    erased_by: str


class ErasureReport(Record):
    """What an erasure did, or would do, and what looking for the bytes afterwards found."""

    id: str | None
    dry_run: bool
    versions: tuple[ErasedVersion, ...]
    objects: int
    """Objects removed: files, tables, manifests that named them, profiles, quarantines."""
    freed: int
    remotes: tuple[str, ...]
    """Remotes from which the bytes were erased."""
    still_found: tuple[str, ...]
    """Where samples of the erased bytes were found afterwards; empty is the proof."""
    searched: int
    """Bytes that were read in that search, decoded."""
    proven: bool
    working_files: tuple[str, ...] = ()
    """Files of working copies that held it and were removed."""
