"""Who may do what: permissions, the roles that hold them, and the actor behind a call."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What a route asks of its caller. Every route declares exactly one."""

    PUBLIC = "public"
    """No identity needed: health, the UI's files."""
    READ = "read"
    """See data, runs, models, deployments, alerts."""
    WRITE = "write"
    """Add data, runs, model versions; run pipelines; send labels."""
    OPERATE = "operate"
    """Change what is served, confirm rules, act on alerts, move aliases."""
    ADMIN = "admin"
    """Manage tokens and projects, read the audit trail."""


class Role(StrEnum):
    """A named set of permissions; each includes the one before."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OPERATOR = "operator"
    ADMIN = "admin"


_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.PUBLIC, Permission.READ}),
    Role.EDITOR: frozenset({Permission.PUBLIC, Permission.READ, Permission.WRITE}),
    Role.OPERATOR: frozenset(
        {Permission.PUBLIC, Permission.READ, Permission.WRITE, Permission.OPERATE}
    ),
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True)
class Actor:
    """Who is behind a call: a name for the audit trail, and a role.

    >>> Actor("ci", Role.VIEWER).may(Permission.WRITE)
    False
    """

    name: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Whether this actor's role grants the permission."""
        return permission in _GRANTS[self.role]


SYSTEM = Actor("system", Role.ADMIN)
"""The controllers of the control plane."""
LOCAL = Actor("local", Role.ADMIN)
"""The one user of an installation that listens on loopback only."""
