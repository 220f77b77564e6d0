"""The remotes of a workspace: one small file, ``.millwright/remotes.json``.

It holds addresses and *references* to keys, never a secret. It stands beside the objects, since
that is what it is about: another machine with other objects has remotes of its own.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from millwright.kernel.errors import Conflict, InvalidInput, NotFound, nearest
from millwright.kernel.locks import exclusive
from millwright.kernel.remotes import parse_address
from millwright.kernel.remotes.addresses import parse_endpoint

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class RemoteDefinition:
    """A remote as it was added, and what its store was found to keep."""

    name: str
    address: str
    default: bool = False
    endpoint: str | None = None
    key: str | None = None
    """Reference to the key of an encrypted remote: ``env:NAME`` or ``file:PATH``."""
    key_check: str | None = None
    """Tells a wrong key from the right one, and nothing else."""
    heads: str = "remote"
    """``remote``, or ``database`` where the store does not honour conditional writes."""

    @property
    def read_only(self) -> bool:
        """Whether it is somebody's published remote, read by HTTP."""
        return self.address.startswith(("http://", "https://"))


def definitions_path(state: Path) -> Path:
    """Where the definitions of a workspace are."""
    return state / "remotes.json"


def read_definitions(state: Path) -> list[RemoteDefinition]:
    """The remotes of a workspace, by name."""
    try:
        raw = json.loads(definitions_path(state).read_text("utf-8"))
    except FileNotFoundError:
        return []
    return [RemoteDefinition(**item) for item in raw["remotes"]]


def find_definition(state: Path, name: str | None) -> RemoteDefinition:
    """A remote by name; without one, the default.

    Raises:
        NotFound: there is none.
    """
    known = read_definitions(state)
    for one in known:
        if one.name == name or (name is None and (one.default or len(known) == 1)):
            return one
    if not known:
        raise NotFound(
            "remote.none",
            "This workspace has no remote.",
            hint="Add one with: mw data remote add NAME ADDRESS",
        )
    guess = nearest(name or "", [one.name for one in known])
    raise NotFound(
        "remote.unknown",
        f"There is no remote '{name}'." if name else "No remote is the default.",
        hint=f"Did you mean '{guess}'?"
        if guess
        else f"There are: {', '.join(one.name for one in known)}.",
        value=name,
    )


def checked_definition(
    base: Path, name: str, address: str, endpoint: str | None, key: str | None, *, default: bool
) -> RemoteDefinition:
    """A definition whose parts are well-formed; ``InvalidInput`` says which is not."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "remote.name",
            f"'{name}' cannot be the name of a remote.",
            hint="Use letters, digits, '_' and '-', at most 40 characters.",
            value=name,
        )
    place = parse_address(address, base)
    return RemoteDefinition(
        name=name,
        address=place.text,
        default=default,
        endpoint=None if endpoint is None else parse_endpoint(endpoint),
        key=key,
    )


def keep_definition(state: Path, new: RemoteDefinition) -> RemoteDefinition:
    """Add a remote; the first is the default.

    Raises:
        Conflict: there is one of that name already.
    """
    with exclusive(state / "remotes.lock"):
        known = read_definitions(state)
        if any(one.name == new.name for one in known):
            raise Conflict(
                "remote.exists",
                f"There is a remote '{new.name}' already.",
                hint=f"Remove it first with: mw data remote remove {new.name}",
                value=new.name,
            )
        new = replace(new, default=new.default or not known)
        if new.default:
            known = [replace(one, default=False) for one in known]
        _write(state, [*known, new])
    return new


def drop_definition(state: Path, name: str) -> RemoteDefinition:
    """Remove a remote from the workspace; what is stored there stays."""
    with exclusive(state / "remotes.lock"):
        gone = find_definition(state, name)
        rest = [one for one in read_definitions(state) if one.name != name]
        if gone.default and rest:
            rest[0] = replace(rest[0], default=True)
        _write(state, rest)
    return gone


def _write(state: Path, definitions: list[RemoteDefinition]) -> None:
    path = definitions_path(state)
    temporary = path.with_suffix(".new")
    content = {"remotes": [asdict(one) for one in sorted(definitions, key=lambda one: one.name)]}
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
