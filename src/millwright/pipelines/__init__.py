"""Pipelines: steps and graphs, caching by fingerprint, durable runs.

The public face of the room; each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "achieved": ("achieved_params", "params_digest"),
    "api": ("find_pipeline", "project_of", "run_file", "run_pipeline"),
    "client": ("PipelineClient",),
    "code_snapshot": ("restored_code",),
    "context": ("Cancelled", "Progress", "StepContext", "progress", "step_context"),
    "dsl": ("Pipeline", "pipeline", "step"),
    "steps": ("Step",),
    "recording": ("Output",),
    "flow": ("approval", "branch", "repeat", "sequence"),
    "approvals": ("decide", "list_approvals"),
    "following": ("follow",),
    "engine": ("execute", "queue_run"),
    "graph": ("Graph", "Node"),
    "listening": ("PipelineEvent",),
    "outputs": ("stored_output",),
    "queries": ("get_run", "run_summaries"),
    "records": (
        "NewPipelineRun",
        "PipelineRun",
        "PipelineRunDetail",
        "Task",
    ),
    "service": (
        "add_run",
        "cancel_run",
        "claim_next",
        "create_run",
        "fire_due",
        "Unattended",
        "unattended_runs",
    ),
    "result": ("PipelineFailed", "PipelineResult"),
    "entry_point": ("load_entry_point",),
    "values": ("decode", "encode"),
    "standing": ("RunProcess", "StandingWorker"),
    "worker": ("spawn_worker",),
}

__all__ = [
    "Cancelled",
    "Graph",
    "NewPipelineRun",
    "Node",
    "Output",
    "Pipeline",
    "PipelineClient",
    "PipelineEvent",
    "PipelineFailed",
    "PipelineResult",
    "PipelineRun",
    "PipelineRunDetail",
    "Progress",
    "RunProcess",
    "StandingWorker",
    "Step",
    "StepContext",
    "Task",
    "Unattended",
    "achieved_params",
    "add_run",
    "approval",
    "branch",
    "cancel_run",
    "claim_next",
    "create_run",
    "decide",
    "decode",
    "encode",
    "execute",
    "find_pipeline",
    "fire_due",
    "follow",
    "get_run",
    "list_approvals",
    "load_entry_point",
    "params_digest",
    "pipeline",
    "progress",
    "project_of",
    "queue_run",
    "repeat",
    "restored_code",
    "run_file",
    "run_pipeline",
    "run_summaries",
    "sequence",
    "spawn_worker",
    "step",
    "step_context",
    "stored_output",
    "unattended_runs",
]

if TYPE_CHECKING:
    from millwright.pipelines.achieved import achieved_params, params_digest
    from millwright.pipelines.api import find_pipeline, project_of, run_file, run_pipeline
    from millwright.pipelines.approvals import decide, list_approvals
    from millwright.pipelines.client import PipelineClient
    from millwright.pipelines.code_snapshot import restored_code
    from millwright.pipelines.context import (
        Cancelled,
        Progress,
        StepContext,
        progress,
        step_context,
    )
    from millwright.pipelines.dsl import Pipeline, pipeline, step
    from millwright.pipelines.engine import execute, queue_run
    from millwright.pipelines.entry_point import load_entry_point
    from millwright.pipelines.flow import approval, branch, repeat, sequence
    from millwright.pipelines.following import follow
    from millwright.pipelines.graph import Graph, Node
    from millwright.pipelines.listening import PipelineEvent
    from millwright.pipelines.outputs import stored_output
    from millwright.pipelines.queries import get_run, run_summaries
    from millwright.pipelines.recording import Output
    from millwright.pipelines.records import (
        NewPipelineRun,
        PipelineRun,
        PipelineRunDetail,
        Task,
    )
    from millwright.pipelines.result import PipelineFailed, PipelineResult
    from millwright.pipelines.service import (
        Unattended,
        add_run,
        cancel_run,
        claim_next,
        create_run,
        fire_due,
        unattended_runs,
    )
    from millwright.pipelines.standing import RunProcess, StandingWorker
    from millwright.pipelines.steps import Step
    from millwright.pipelines.values import decode, encode
    from millwright.pipelines.worker import spawn_worker


def __getattr__(name: str) -> Any:
    for home, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
