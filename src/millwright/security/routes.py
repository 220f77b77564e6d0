"""Tokens over HTTP."""

from __future__ import annotations

from fastapi import Depends

from millwright.kernel.access import Permission
from millwright.kernel.config import Name
from millwright.kernel.routing import Call, Reach, RoomRouter, current_call
from millwright.security import grants, service
from millwright.security.records import (
    Access,
    Grant,
    Identity,
    IssuedToken,
    Token,
    TokenRequest,
)

router = RoomRouter(tag="security")


@router.get("/whoami", permission=Permission.READ, reach=Reach.PROJECTS)
def whoami(call: Call = Depends(current_call)) -> Identity:
    """Who the server takes the caller for."""
    held = tuple(permission.value for permission in Permission if call.actor.may(permission))
    return Identity(
        name=call.actor.name,
        role=call.actor.role,
        permissions=held,
        projects=dict(call.actor.grants),
    )


@router.post("/tokens", permission=Permission.ADMIN, status_code=201)
def create_token(body: TokenRequest, call: Call = Depends(current_call)) -> IssuedToken:
    """Make a token; its secret is in this answer and nowhere else."""
    return service.create_token(call.store, call.actor, body)


@router.get("/tokens", permission=Permission.ADMIN)
def list_tokens(call: Call = Depends(current_call)) -> list[Token]:
    """All tokens, newest first, without their secrets."""
    return service.list_tokens(call.store)


@router.delete("/tokens/{token}", permission=Permission.ADMIN)
def revoke_token(token: str, call: Call = Depends(current_call)) -> Token:
    """Revoke the active token with this name or id."""
    return service.revoke_token(call.store, call.actor, token)


@router.get("/projects/{project}/access", permission=Permission.ADMIN)
def list_access(project: Name, call: Call = Depends(current_call)) -> list[Access]:
    """Which tokens open the project, and with which role."""
    return grants.list_access(call.store, project)


@router.put("/projects/{project}/access/{token}", permission=Permission.ADMIN)
def grant(project: Name, token: str, body: Grant, call: Call = Depends(current_call)) -> Access:
    """Give a token a role in the project."""
    return grants.grant(call.store, call.actor, project, token, body.role)


@router.delete("/projects/{project}/access/{token}", permission=Permission.ADMIN)
def withdraw(project: Name, token: str, call: Call = Depends(current_call)) -> Access:
    """Take a token's role in the project away."""
    return grants.withdraw(call.store, call.actor, project, token)
