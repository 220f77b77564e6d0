"""What the server says of itself: version, health, server info."""

from __future__ import annotations

from millwright.kernel.access import Permission
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall, Reply

VERSION = "3.17.2"
"""The MLflow release whose protocol is answered; clients ask for it to compare with their own."""
endpoints = Endpoints()


@endpoints.get("/version", permission=Permission.PUBLIC)
async def version(_: MlflowCall) -> Reply:
    """The protocol's version, as plain text."""
    return Reply(VERSION.encode(), headers={"content-type": "text/plain"})


@endpoints.get("/health", permission=Permission.PUBLIC)
async def health(_: MlflowCall) -> Reply:
    """Whether the server lives."""
    return Reply(b"OK", headers={"content-type": "text/plain"})


@endpoints.get("server-info", permission=Permission.PUBLIC)
async def server_info(_: MlflowCall) -> object:
    """What newer clients ask before they use what not every server has."""
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        # A file that comes whole is streamed to the disk; parts would be no quicker.
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "features_enabled": {"gateway": False},
    }
