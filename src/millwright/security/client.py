"""Tokens through the one door."""

from __future__ import annotations

from urllib.parse import quote

from millwright.kernel.door import Door
from millwright.security.records import Access, Grant, IssuedToken, Token, TokenRequest


def create_token(door: Door, request: TokenRequest) -> IssuedToken:
    """Make a token.

    Raises:
        Conflict: an active token has this name.
    """
    return IssuedToken.model_validate(door.post("/tokens", request))


def list_tokens(door: Door) -> list[Token]:
    """All tokens, newest first."""
    return [Token.model_validate(row) for row in door.get("/tokens")]


def revoke_token(door: Door, name_or_id: str) -> Token:
    """Make a token worthless at once.

    Raises:
        NotFound: no active token has this name or id.
    """
    return Token.model_validate(door.delete(f"/tokens/{quote(name_or_id, safe='')}"))


def list_access(door: Door, project: str) -> list[Access]:
    """Which tokens open a project, and with which role."""
    return [Access.model_validate(row) for row in door.get(_access(project))]


def grant(door: Door, project: str, name: str, given: Grant) -> Access:
    """Give a token a role in a project.

    Raises:
        NotFound: no active token has this name or id.
        Conflict: its role everywhere is as high already.
    """
    return Access.model_validate(door.put(f"{_access(project)}/{quote(name, safe='')}", given))


def withdraw(door: Door, project: str, name: str) -> Access:
    """Take a token's role in a project away.

    Raises:
        NotFound: no active token has this name or id, or it was given no role there.
    """
    return Access.model_validate(door.delete(f"{_access(project)}/{quote(name, safe='')}"))


def _access(project: str) -> str:
    return f"/projects/{quote(project, safe='')}/access"
