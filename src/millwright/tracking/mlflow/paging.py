"""Page tokens as MLflow writes them: where the page begins, in JSON, in base64."""

from __future__ import annotations

import base64
import json

from millwright.tracking.mlflow.errors import invalid


def offset_of(token: str | None) -> int:
    """Where the page begins that a token names; 0 without one.

    Raises:
        MlflowError: nobody was given this token.

    >>> offset_of(token_of(100))
    100
    """
    if not token:
        return 0
    try:
        decoded = base64.b64decode(token)
    except ValueError as cause:
        raise invalid("Invalid page token, could not base64-decode") from cause
    try:
        parsed = json.loads(decoded)
    except (ValueError, RecursionError) as cause:
        raise invalid(f"Invalid page token, decoded value={decoded[:100]!r}") from cause
    start = parsed.get("offset") if isinstance(parsed, dict) else None
    if type(start) is not int or not 0 < start < 2**53:
        raise invalid(f"Invalid page token, parsed value={str(parsed)[:100]}")
    return start


def token_of(start: int) -> str:
    """The token of the page that begins there."""
    return base64.b64encode(json.dumps({"offset": start}).encode()).decode()
