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

    GUEST = "guest"
    """Nothing of its own: only what it was granted in single projects."""
    VIEWER = "viewer"
    EDITOR = "editor"
    OPERATOR = "operator"
    ADMIN = "admin"


_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.GUEST: frozenset({Permission.PUBLIC}),
    Role.VIEWER: frozenset({Permission.PUBLIC, Permission.READ}),
    Role.EDITOR: frozenset({Permission.PUBLIC, Permission.READ, Permission.WRITE}),
    Role.OPERATOR: frozenset(
        {Permission.PUBLIC, Permission.READ, Permission.WRITE, Permission.OPERATE}
    ),
    Role.ADMIN: frozenset(Permission),
}


_RANK = list(Role)


@dataclass(frozen=True)
class Actor:
    """Who is behind a call: a name for the audit trail, a role everywhere, and roles in projects.

    >>> Actor("ci", Role.VIEWER).may(Permission.WRITE)
    False
    >>> Actor("ci", Role.VIEWER, (("flights", Role.EDITOR),)).within("flights").role
    <Role.EDITOR: 'editor'>
    """

    name: str
    role: Role
    grants: tuple[tuple[str, Role], ...] = ()
    """Project and role, where it is more than the role everywhere."""

    def may(self, permission: Permission) -> bool:
        """Whether this actor's role grants the permission."""
        return permission in _GRANTS[self.role]

    def within(self, project: str) -> Actor:
        """The same actor, with the role that counts in one project: the higher of the two."""
        if not self.grants:
            return self
        granted = dict(self.grants).get(project, self.role)
        return Actor(self.name, max(self.role, granted, key=_RANK.index))

    def projects(self, permission: Permission) -> frozenset[str] | None:
        """The projects in which the actor has the permission; None where it is all of them."""
        if self.may(permission):
            return None
        return frozenset(name for name, role in self.grants if permission in _GRANTS[role])


SYSTEM = Actor("system", Role.ADMIN)
"""The controllers of the control plane."""
LOCAL = Actor("local", Role.ADMIN)
"""The one user of an installation that listens on loopback only."""
