"""The rooms that have routes and tables, in the order in which data flows."""

from __future__ import annotations

import importlib
import importlib.util

from millwright.kernel.routing import RoomRouter

ROUTES = (
    "millwright.server.routes.projects",
    "millwright.server.routes.objects",
    "millwright.server.routes.events",
    "millwright.data.routes",
    "millwright.data.working.routes",
    "millwright.data.comparison.routes",
    "millwright.data.connectors.routes",
    "millwright.data.quality.routes",
    "millwright.data.storage.routes",
    "millwright.tracking.routes",
    "millwright.pipelines.routes",
    "millwright.registry.routes",
    "millwright.deployment.routes",
    "millwright.monitoring.routes",
    "millwright.automation.routes",
    "millwright.security.routes",
)
TABLES = (
    "millwright.data.tables",
    "millwright.data.working.tables",
    "millwright.data.connectors.tables",
    "millwright.data.quality.tables",
    "millwright.data.storage.tables",
    "millwright.tracking.tables",
    "millwright.pipelines.tables",
    "millwright.registry.tables",
    "millwright.deployment.tables",
    "millwright.monitoring.tables",
    "millwright.automation.tables",
    "millwright.security.tables",
)


def routers() -> list[RoomRouter]:
    """Every room's router."""
    return [importlib.import_module(name).router for name in ROUTES if _exists(name)]


def load_tables() -> None:
    """Import every room's tables, so that the shared metadata is whole."""
    for name in TABLES:
        if _exists(name):
            importlib.import_module(name)


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
