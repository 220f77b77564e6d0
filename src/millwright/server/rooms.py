"""The rooms that have routes and tables, in the order in which data flows."""

from __future__ import annotations

import importlib
import importlib.util

from millwright.kernel.routing import RoomRouter
from millwright.tracking import Endpoint, graphql_endpoints

ROUTES = (
    "millwright.server.routes.projects",
    "millwright.server.routes.objects",
    "millwright.server.routes.events",
    "millwright.server.routes.lineage",
    "millwright.data.routes",
    "millwright.data.working.routes",
    "millwright.data.comparison.routes",
    "millwright.data.merging.routes",
    "millwright.data.connectors.routes",
    "millwright.data.quality.routes",
    "millwright.data.storage.routes",
    "millwright.tracking.routes",
    "millwright.tracking.openlineage.routes",
    "millwright.tracking.run_table.routes",
    "millwright.pipelines.routes",
    "millwright.registry.routes",
    "millwright.deployment.routes",
    "millwright.deployment.targets.routes",
    "millwright.monitoring.external.routes",
    "millwright.monitoring.routes",
    "millwright.automation.routes",
    "millwright.automation.schedules.routes",
    "millwright.automation.triggers.routes",
    "millwright.collaboration.routes",
    "millwright.security.routes",
)
TABLES = (
    "millwright.data.tables",
    "millwright.data.working.tables",
    "millwright.data.connectors.tables",
    "millwright.data.quality.tables",
    "millwright.data.storage.tables",
    "millwright.tracking.tables",
    "millwright.tracking.artifacts.tables",
    "millwright.tracking.logged_models.tables",
    "millwright.tracking.traces.tables",
    "millwright.tracking.evaluation_datasets.tables",
    "millwright.tracking.scorers.tables",
    "millwright.tracking.openlineage.tables",
    "millwright.pipelines.tables",
    "millwright.registry.tables",
    "millwright.deployment.tables",
    "millwright.monitoring.tables",
    "millwright.automation.tables",
    "millwright.automation.launching.tables",
    "millwright.automation.notifications.tables",
    "millwright.automation.schedules.tables",
    "millwright.automation.triggers.tables",
    "millwright.collaboration.tables",
    "millwright.security.tables",
)
MLFLOW = (
    "millwright.tracking.mlflow.about",
    "millwright.tracking.mlflow.experiments",
    "millwright.tracking.mlflow.runs",
    "millwright.tracking.mlflow.logging",
    "millwright.tracking.mlflow.metrics",
    "millwright.tracking.mlflow.searching",
    "millwright.tracking.mlflow.logged_models",
    "millwright.tracking.mlflow.artifacts",
    "millwright.tracking.mlflow.traces",
    "millwright.tracking.mlflow.assessments",
    "millwright.tracking.mlflow.spans",
    "millwright.tracking.mlflow.evaluation_datasets",
    "millwright.tracking.mlflow.scorers",
    "millwright.tracking.mlflow.later",
    "millwright.tracking.mlflow.promptlab",
    "millwright.registry.mlflow.models",
    "millwright.registry.mlflow.versions",
    "millwright.registry.mlflow.aliases",
    "millwright.registry.mlflow.searching",
    "millwright.registry.mlflow.packages",
    "millwright.registry.mlflow.webhooks",
)
"""Modules with a table of endpoints of the MLflow protocol."""


def mlflow_endpoints() -> list[Endpoint]:
    """Every room's endpoints of the MLflow protocol."""
    found = []
    for name in MLFLOW:
        if _exists(name):
            found.extend(importlib.import_module(name).endpoints.table)
    return [*found, *graphql_endpoints(found)]


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
