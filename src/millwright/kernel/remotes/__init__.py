"""Remotes: places outside the workspace where objects are kept as well.

One small interface (`interface.Remote`) over a folder, S3, Google Cloud Storage, Azure and memory.
Nothing here imports a database, HTTP framework or cloud library until a cloud is opened, so that
pushing to a folder costs little more than starting Python.
"""

from __future__ import annotations

from millwright.kernel.remotes.addresses import RemoteAddress, parse_address
from millwright.kernel.remotes.interface import Remote, RemoteEntry, Tagged
from millwright.kernel.remotes.opening import open_remote

__all__ = [
    "Remote",
    "RemoteAddress",
    "RemoteEntry",
    "Tagged",
    "open_remote",
    "parse_address",
]
