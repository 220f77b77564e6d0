"""The records of the security room."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from millwright.kernel.access import Role
from millwright.kernel.config import Duration, Name
from millwright.kernel.record import Record


class TokenRequest(Record):
    """What is asked for when a token is made."""

    name: Name
    """Who or what will use it; it stands in the audit trail as the actor."""
    role: Role = Role.GUEST
    """What it may do everywhere; a guest only what it may in single projects."""
    projects: dict[Name, Role] = Field(default_factory=dict)
    """What it may do in single projects, where that is more."""
    expires_in: Annotated[Duration, Field(examples=["90d"])] | None = None
    """None: until it is revoked."""


class Token(Record):
    """A token as it may be shown: everything but the secret, which nobody stores."""

    id: str
    name: str
    role: Role
    projects: dict[str, Role]
    created_at: str
    created_by: str
    expires_at: str | None
    last_used_at: str | None
    """To the minute."""
    revoked_at: str | None
    active: bool
    """Neither revoked nor expired at the time of the answer."""


class IssuedToken(Record):
    """A token just made, with its secret: the only time it is shown."""

    token: Token
    secret: str


class Identity(Record):
    """Who the server takes the caller for."""

    name: str
    role: Role
    permissions: tuple[str, ...]
    """Everywhere."""
    projects: dict[str, Role]
    """Roles in single projects, where they are more."""


class Access(Record):
    """What a token may do in one project."""

    name: str
    role: Role
    """The one that counts here."""
    everywhere: Role
    """Its role in all projects."""


class Grant(Record):
    """The role that a token is given in a project."""

    role: Role
