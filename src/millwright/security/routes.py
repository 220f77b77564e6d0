"""Tokens over HTTP."""

from __future__ import annotations

from fastapi import Depends

from millwright.kernel.access import Permission
from millwright.kernel.routing import Call, RoomRouter, current_call
from millwright.security import service
from millwright.security.records import Identity, IssuedToken, Token, TokenRequest

router = RoomRouter(tag="security")


@router.get("/whoami", permission=Permission.READ)
def whoami(call: Call = Depends(current_call)) -> Identity:
    """Who the server takes the caller for."""
    held = tuple(permission.value for permission in Permission if call.actor.may(permission))
    return Identity(name=call.actor.name, role=call.actor.role, permissions=held)


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
