"""Identity: tokens, and who is behind a request."""

from millwright.security.authentication import (
    authentication_for,
    is_loopback,
    local_user,
    require_authentication,
    token_holder,
)
from millwright.security.records import Identity, IssuedToken, Token, TokenRequest
from millwright.security.service import create_token, list_tokens, revoke_token

__all__ = [
    "Identity",
    "IssuedToken",
    "Token",
    "TokenRequest",
    "authentication_for",
    "create_token",
    "is_loopback",
    "list_tokens",
    "local_user",
    "require_authentication",
    "revoke_token",
    "token_holder",
]
