"""What an address of a source may hold."""

from __future__ import annotations

from urllib.parse import urlsplit

from millwright.kernel.errors import InvalidInput


def refuse_secrets(url: str) -> None:
    """Raise ``InvalidInput`` for an address with a password: addresses are shown and logged."""
    try:
        password = urlsplit(url).password
    except ValueError:
        password = None
    if password:
        raise InvalidInput(
            "data.secret_in_address",
            "The address of the source holds a password, which would be stored with the version.",
            hint="Put the address into an environment variable and give its name: env:DATABASE_URL",
        )
