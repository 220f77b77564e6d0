"""The inference server: one model, one port, no database.

It runs alone, in its own process, and imports nothing but the kernel. What it should serve comes
as a ``ServerConfig``; what it predicted leaves as segments of the prediction log.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millwright.serving.config import ServerConfig, VariantConfig
    from millwright.serving.container import DEFAULT_HOME, TRUST
    from millwright.serving.fetching import package_at
    from millwright.serving.graph.model import Graph
    from millwright.serving.graph.opening import is_graph, read_graph
    from millwright.serving.graph.packing import pack_graph
    from millwright.serving.graph.spec import GraphSpec
    from millwright.serving.graph.tables import score_table
    from millwright.serving.listening import ADMIN_TOKEN, listen
    from millwright.serving.variant import open_package

_HOMES = {
    "ADMIN_TOKEN": "listening",
    "TRUST": "container",
    "DEFAULT_HOME": "container",
    "Graph": "graph.model",
    "GraphSpec": "graph.spec",
    "ServerConfig": "config",
    "VariantConfig": "config",
    "is_graph": "graph.opening",
    "listen": "listening",
    "open_package": "variant",
    "pack_graph": "graph.packing",
    "package_at": "fetching",
    "read_graph": "graph.opening",
    "score_table": "graph.tables",
}

__all__ = [
    "ADMIN_TOKEN",
    "DEFAULT_HOME",
    "TRUST",
    "Graph",
    "GraphSpec",
    "ServerConfig",
    "VariantConfig",
    "is_graph",
    "listen",
    "open_package",
    "pack_graph",
    "package_at",
    "read_graph",
    "score_table",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
