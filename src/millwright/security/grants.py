"""Roles of tokens in single projects: every change and query of them."""

from __future__ import annotations

from sqlalchemy import delete

from millwright.kernel.access import Actor, Role
from millwright.kernel.errors import Conflict, NotFound
from millwright.kernel.store import Store
from millwright.security.records import Access, Token
from millwright.security.service import active_token, active_tokens, put_grants
from millwright.security.tables import token_grants


def list_access(store: Store, project: str) -> list[Access]:
    """Which active tokens open a project, and with which role, by name."""
    with store.read() as connection:
        known = active_tokens(connection)
    found = [_access(token, project) for token in known]
    return sorted(
        (one for one in found if one.role is not Role.GUEST), key=lambda access: access.name
    )


def grant(store: Store, actor: Actor, project: str, name: str, role: Role) -> Access:
    """Give a token a role in a project, instead of one that it was given before.

    Raises:
        NotFound: no active token has this name or id.
        Conflict: its role everywhere is as high already.
    """
    with store.write(actor, project) as tx:
        token = active_token(tx.connection, name)
        if Actor(token.name, token.role, ((project, role),)).within(project).role is token.role:
            raise Conflict(
                "security.role_everywhere",
                f"The token '{token.name}' is {token.role} in every project already.",
                hint="Make another token with a lower role: mw token create --project PROJECT=ROLE",
                value=role.value,
            )
        put_grants(tx, token.id, {project: role})
        payload = {"name": token.name, "role": role.value}
        tx.event("token.granted", f"token:{token.id}", payload)
        return _access(active_token(tx.connection, token.id), project)


def withdraw(store: Store, actor: Actor, project: str, name: str) -> Access:
    """Take a token's role in a project away; its role everywhere stays.

    Raises:
        NotFound: no active token has this name or id, or it was given no role here.
    """
    with store.write(actor, project) as tx:
        token = active_token(tx.connection, name)
        mine = (token_grants.c.token == token.id, token_grants.c.project == project)
        if tx.execute(delete(token_grants).where(*mine)).rowcount == 0:
            raise NotFound(
                "security.no_grant",
                f"The token '{token.name}' was given no role in the project '{project}'.",
                hint=f"See who was with: mw token access --project {project}",
                value=name,
            )
        tx.event("token.withdrawn", f"token:{token.id}", {"name": token.name})
        return _access(active_token(tx.connection, token.id), project)


def _access(token: Token, project: str) -> Access:
    here = Actor(token.name, token.role, tuple(token.projects.items())).within(project)
    return Access(name=token.name, role=here.role, everywhere=token.role)
