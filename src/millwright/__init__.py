"""Millwright: one integrated system for the whole life of a model.

The names below are loaded when first used, so that importing Millwright costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "millwright.automation.backtest.api": ("backtest",),
    "millwright.cli.init.api": ("init",),
    "millwright.data.api": ("dataset",),
    "millwright.monitoring.api": (
        "change_detector",
        "drift",
        "estimate_losses",
        "estimate_performance",
        "explain_performance",
        "sketch",
    ),
    "millwright.monitoring.judging.api": (
        "forecast_performance",
        "ranking_performance",
        "serving_skew",
    ),
    "millwright.pipelines.api": (
        "approval",
        "branch",
        "pipeline",
        "progress",
        "repeat",
        "run_pipeline",
        "sequence",
        "step",
        "step_context",
    ),
    "millwright.registry.api": ("load_model", "log_model"),
    "millwright.tracking.api": (
        "log_artifact",
        "log_metric",
        "log_metrics",
        "log_param",
        "log_params",
        "set_tag",
        "start_run",
    ),
    "millwright.training": ("TrainingData",),
}

__all__ = [
    "TrainingData",
    "__version__",
    "approval",
    "backtest",
    "branch",
    "change_detector",
    "dataset",
    "drift",
    "estimate_losses",
    "estimate_performance",
    "explain_performance",
    "forecast_performance",
    "init",
    "load_model",
    "log_artifact",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "pipeline",
    "progress",
    "ranking_performance",
    "repeat",
    "run_pipeline",
    "sequence",
    "serving_skew",
    "set_tag",
    "sketch",
    "start_run",
    "step",
    "step_context",
]

if TYPE_CHECKING:
    from millwright.automation.backtest.api import backtest
    from millwright.cli.init.api import init
    from millwright.data.api import dataset
    from millwright.monitoring.api import (
        change_detector,
        drift,
        estimate_losses,
        estimate_performance,
        explain_performance,
        sketch,
    )
    from millwright.monitoring.judging.api import (
        forecast_performance,
        ranking_performance,
        serving_skew,
    )
    from millwright.pipelines.api import (
        approval,
        branch,
        pipeline,
        progress,
        repeat,
        run_pipeline,
        sequence,
        step,
        step_context,
    )
    from millwright.registry.api import load_model, log_model
    from millwright.tracking.api import (
        log_artifact,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        set_tag,
        start_run,
    )
    from millwright.training import TrainingData


def __getattr__(name: str) -> Any:
    for home, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'millwright' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
