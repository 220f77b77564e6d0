"""From a definition to a remote that is known to be what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from blake3 import blake3

from millwright.data.storage.definitions import RemoteDefinition
from millwright.kernel.errors import Conflict, InvalidInput
from millwright.kernel.remotes import Remote, open_remote, parse_address, publication
from millwright.kernel.remotes.catalogue import Catalogue
from millwright.kernel.remotes.http import read_only

MARKER = "millwright-remote.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class OpenedRemote:
    """A project's corner of a remote."""

    definition: RemoteDefinition
    project: str
    remote: Remote
    folder: Path
    """What is kept here about it: the copy of its catalogue, packs under way, the last push."""

    @property
    def prefix(self) -> str:
        """The project's folder on the remote."""
        return f"{self.project}/"

    def must_be_writable(self) -> None:
        """Raise ``Forbidden`` before any work is done for a remote that can only be read."""
        if self.definition.read_only:
            raise read_only(self.definition.address)

    def renew_publication(self) -> None:
        """Tell who reads by HTTP what is there now, if the remote is published."""
        publication.renew(_plain(self.definition))

    def catalogue(self) -> Catalogue:
        """What the remote has, as last heard."""
        return Catalogue(self.remote, self.prefix, self.folder / "catalogue.db")

    @property
    def staging(self) -> Path:
        """Where packs under way are kept, so that a fetch that was cut off goes on."""
        return self.folder / "incoming"


def open_defined(state: Path, definition: RemoteDefinition, project: str) -> OpenedRemote:
    """The remote of a definition, its encryption key read from where the definition says."""
    remote = _plain(definition)
    if definition.key is not None:
        from millwright.kernel.remotes.encryption import EncryptedRemote, read_key

        key = read_key(definition.key)
        if definition.key_check not in (None, _check(key)):
            raise InvalidInput(
                "remote.wrong_key",
                f"{definition.key} is not the key of remote '{definition.name}'.",
                hint="What is stored there can be read with its own key only.",
            )
        remote = EncryptedRemote(remote, key)
    folder = state / "remotes" / definition.name / project
    return OpenedRemote(definition, project, remote, folder)


def probed(definition: RemoteDefinition) -> RemoteDefinition:
    """The definition with what the store was found to keep; marks a new store as Millwright's.

    Raises:
        InvalidInput: the store is encrypted with another key, or not, or of a later format.
        Conflict: somebody else is setting the store up differently right now.
    """
    from millwright.kernel.remotes.probing import probe

    remote = _plain(definition)
    check = None
    if definition.key is not None:
        from millwright.kernel.remotes.encryption import read_key

        check = _check(read_key(definition.key))
    if definition.read_only:
        return _found(remote, definition, check)
    conditions = probe(remote)
    wanted = json.dumps({"format": FORMAT, "key_check": check}).encode()
    found = remote.get(MARKER)
    if found is None:
        if conditions.create_only:
            remote.create(MARKER, wanted)
        else:
            remote.put(MARKER, wanted)
        found = remote.get(MARKER)
    if found is None:
        raise Conflict("remote.marker", f"{remote.address} does not keep what is written.")
    _same(json.loads(found), check, definition)
    heads = "remote" if conditions.heads else "database"
    return replace(definition, key_check=check, heads=heads)


def publish(definition: RemoteDefinition) -> int:
    """Make a remote readable by plain HTTP from now on; how many objects it has.

    Raises:
        Forbidden: it can only be read.
        InvalidInput: its lists of versions are in the database, where nobody else reads them.
    """
    if definition.read_only:
        raise read_only(definition.address)
    if definition.heads == "database":
        raise InvalidInput(
            "remote.heads_elsewhere",
            f"The versions on remote '{definition.name}' are listed in the database, not on it.",
            hint="Publish a folder or a bucket that honours conditional writes.",
            value=definition.name,
        )
    return publication.publish(_plain(definition))


def _found(remote: Remote, definition: RemoteDefinition, check: str | None) -> RemoteDefinition:
    """The definition of a remote that somebody published."""
    marker = remote.get(MARKER)
    if marker is None:
        raise InvalidInput(
            "remote.not_published",
            f"There is no remote of Millwright at {remote.address}.",
            hint="Publish one with: mw data remote publish NAME",
            value=remote.address,
        )
    _same(json.loads(marker), check, definition)
    remote.list("")
    return replace(definition, key_check=check)


def _same(marker: dict[str, object], check: str | None, definition: RemoteDefinition) -> None:
    if marker.get("format") != FORMAT:
        raise InvalidInput(
            "remote.format",
            f"{definition.address} was written by a later Millwright.",
            hint="Upgrade with: pip install --upgrade millwright",
        )
    if marker.get("key_check") != check:
        encrypted = marker.get("key_check") is not None
        how = "encrypted with another key" if encrypted else "not encrypted"
        raise InvalidInput(
            "remote.wrong_key",
            f"{definition.address} is {how}.",
            hint="Give its key with --key env:NAME." if encrypted else "Leave the key out.",
        )


def _plain(definition: RemoteDefinition) -> Remote:
    return open_remote(parse_address(definition.address), endpoint=definition.endpoint)


def _check(key: bytes) -> str:
    return blake3(key, derive_key_context="millwright 2026 remote key check").hexdigest()[:32]
