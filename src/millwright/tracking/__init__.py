"""Tracking: experiments, runs, parameters, metrics over time, tags, artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from millwright.tracking.api import active_run, start_run
    from millwright.tracking.artifacts.files import (
        Entry,
        Found,
        artifact_root,
        digests_below,
        keeps,
        path_of,
        stored,
    )
    from millwright.tracking.artifacts.paths import checked_path, children, joined
    from millwright.tracking.client import (
        create_run,
        download_artifact,
        each_run,
        end_run,
        get_run,
        link_artifact,
        list_artifacts,
        list_runs,
        log_artifact,
        log_metrics,
        log_params,
        metric_history,
        set_tags,
    )
    from millwright.tracking.environment import (
        command_line,
        packages,
        run_environment,
    )
    from millwright.tracking.logged_models.service import logged_model_source, tag_registered
    from millwright.tracking.mlflow.artifacts import download
    from millwright.tracking.mlflow.clauses import (
        Clause,
        clauses,
        entity_and_key,
        quoted_text,
        unquoted,
    )
    from millwright.tracking.mlflow.comparing import compare
    from millwright.tracking.mlflow.endpoints import Endpoint, Endpoints, MlflowCall, Reply
    from millwright.tracking.mlflow.errors import (
        MlflowError,
        absent,
        bad_value,
        invalid,
        missing,
        translated,
    )
    from millwright.tracking.mlflow.gateway import MlflowGateway, is_mlflow
    from millwright.tracking.mlflow.graphql import graphql_endpoints
    from millwright.tracking.mlflow.paging import offset_of, token_of
    from millwright.tracking.mlflow.run_filter import order_and_way
    from millwright.tracking.openlineage.delivery import OpenLineageController
    from millwright.tracking.purging import PurgeController
    from millwright.tracking.records import (
        Artifact,
        CodeVersion,
        FeatureSet,
        MetricPoint,
        NewArtifact,
        NewRun,
        ParamValue,
        Run,
        RunEnvironment,
        RunPage,
        RunPatch,
        RunStatus,
    )
    from millwright.tracking.reproducing.records import Difference, Reproduction
    from millwright.tracking.reproducing.scripts import (
        Wanted,
        reproduce_script,
        why_results_differ,
    )
    from millwright.tracking.session import RunSession
    from millwright.tracking.source_code import keep_source, source_here
    from millwright.tracking.system_metrics import SystemMetrics, system_metrics_wanted

_WHERE = {
    "api": ("active_run", "start_run"),
    "artifacts.files": (
        "Entry",
        "Found",
        "artifact_root",
        "digests_below",
        "keeps",
        "path_of",
        "stored",
    ),
    "artifacts.paths": ("checked_path", "children", "joined"),
    "client": (
        "create_run",
        "download_artifact",
        "each_run",
        "end_run",
        "get_run",
        "link_artifact",
        "list_artifacts",
        "list_runs",
        "log_artifact",
        "log_metrics",
        "log_params",
        "metric_history",
        "set_tags",
    ),
    "environment": ("command_line", "packages", "run_environment"),
    "logged_models.service": ("logged_model_source", "tag_registered"),
    "mlflow.artifacts": ("download",),
    "mlflow.clauses": ("Clause", "clauses", "entity_and_key", "quoted_text", "unquoted"),
    "mlflow.comparing": ("compare",),
    "mlflow.endpoints": ("Endpoint", "Endpoints", "MlflowCall", "Reply"),
    "mlflow.errors": ("MlflowError", "absent", "bad_value", "invalid", "missing", "translated"),
    "mlflow.paging": ("offset_of", "token_of"),
    "mlflow.run_filter": ("order_and_way",),
    "mlflow.gateway": ("MlflowGateway", "is_mlflow"),
    "mlflow.graphql": ("graphql_endpoints",),
    "openlineage.delivery": ("OpenLineageController",),
    "purging": ("PurgeController",),
    "records": (
        "Artifact",
        "CodeVersion",
        "FeatureSet",
        "MetricPoint",
        "NewArtifact",
        "NewRun",
        "ParamValue",
        "Run",
        "RunEnvironment",
        "RunPage",
        "RunPatch",
        "RunStatus",
    ),
    "reproducing.records": ("Difference", "Reproduction"),
    "reproducing.scripts": ("Wanted", "reproduce_script", "why_results_differ"),
    "session": ("RunSession",),
    "source_code": ("keep_source", "source_here"),
    "system_metrics": ("SystemMetrics", "system_metrics_wanted"),
}
__all__ = [
    "Artifact",
    "Clause",
    "CodeVersion",
    "Difference",
    "Endpoint",
    "Endpoints",
    "Entry",
    "FeatureSet",
    "Found",
    "MetricPoint",
    "MlflowCall",
    "MlflowError",
    "MlflowGateway",
    "NewArtifact",
    "NewRun",
    "OpenLineageController",
    "ParamValue",
    "PurgeController",
    "Reply",
    "Reproduction",
    "Run",
    "RunEnvironment",
    "RunPage",
    "RunPatch",
    "RunSession",
    "RunStatus",
    "SystemMetrics",
    "Wanted",
    "absent",
    "active_run",
    "artifact_root",
    "bad_value",
    "checked_path",
    "children",
    "clauses",
    "command_line",
    "compare",
    "create_run",
    "digests_below",
    "download",
    "download_artifact",
    "each_run",
    "end_run",
    "entity_and_key",
    "get_run",
    "graphql_endpoints",
    "invalid",
    "is_mlflow",
    "joined",
    "keep_source",
    "keeps",
    "link_artifact",
    "list_artifacts",
    "list_runs",
    "log_artifact",
    "log_metrics",
    "log_params",
    "logged_model_source",
    "metric_history",
    "missing",
    "offset_of",
    "order_and_way",
    "packages",
    "path_of",
    "quoted_text",
    "reproduce_script",
    "run_environment",
    "set_tags",
    "source_here",
    "start_run",
    "stored",
    "system_metrics_wanted",
    "tag_registered",
    "token_of",
    "translated",
    "unquoted",
    "why_results_differ",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(f"millwright.tracking.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
