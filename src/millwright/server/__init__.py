"""The HTTP application: mounts each room's routes and serves the UI."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.server.control_plane import Listen, bind
    from millwright.server.supervisor import Supervisor

_HOMES = {"Listen": "control_plane", "Supervisor": "supervisor", "bind": "control_plane"}
__all__ = ["Listen", "Supervisor", "bind"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'millwright.server' has no attribute '{name}'")
    return getattr(import_module(f"millwright.server.{_HOMES[name]}"), name)
