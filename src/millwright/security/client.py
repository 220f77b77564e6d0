"""Tokens through the one door."""

from __future__ import annotations

from urllib.parse import quote

from millwright.kernel.door import Door
from millwright.security.records import IssuedToken, Token, TokenRequest


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
