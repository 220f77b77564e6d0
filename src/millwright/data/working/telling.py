"""Telling a running control plane that the journal has something for it."""

from __future__ import annotations

import os

from millwright.data.working.place import Place

_PATIENCE_SECONDS = 5.0


def tell_server(place: Place) -> bool:
    """Ask the workspace's server, if one runs, to take the journal; whether it did.

    A server that cannot be reached takes it the next time somebody asks it about data.
    """
    address = place.workspace.running_url()
    if address is None:
        return False
    # Most of the time nobody is there to be told, and then none of this is needed.
    import http.client
    from urllib.parse import urlsplit

    target = urlsplit(address)
    headers = {"content-type": "application/json"}
    token = os.environ.get("MILLWRIGHT_TOKEN")
    if token:
        headers["authorization"] = f"Bearer {token}"
    connection = http.client.HTTPConnection(
        target.hostname or "127.0.0.1", target.port, timeout=_PATIENCE_SECONDS
    )
    try:
        connection.request("POST", "/api/v1/datasets/journal", b"{}", headers)
        return connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
