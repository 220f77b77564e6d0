"""The inference server: one model, one port, no database.

It runs alone, in its own process, and imports nothing but the kernel. What it should serve comes
as a ``ServerConfig``; what it predicted leaves as segments of the prediction log.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.serving.config import ServerConfig, VariantConfig
    from millwright.serving.container import DEFAULT_HOME
    from millwright.serving.fetching import package_at
    from millwright.serving.listening import ADMIN_TOKEN, listen

_HOMES = {
    "ADMIN_TOKEN": "listening",
    "DEFAULT_HOME": "container",
    "ServerConfig": "config",
    "VariantConfig": "config",
    "listen": "listening",
    "package_at": "fetching",
}

__all__ = ["ADMIN_TOKEN", "DEFAULT_HOME", "ServerConfig", "VariantConfig", "listen", "package_at"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
