"""Which events of the log are occurrences of a trigger; free of database and clock."""

from __future__ import annotations

from collections.abc import Mapping

from millwright.automation.triggers.records import Occurrence
from millwright.kernel.config_automation import TriggerConfig
from millwright.kernel.events import Event

KINDS = (
    "dataset.version-created",
    "pipeline-run.succeeded",
    "pipeline-run.failed",
    "pipeline-run.cancelled",
    "alert.raised",
)
"""The events that any trigger can be about."""


def occurrence(
    config: TriggerConfig, event: Event, deployments: Mapping[str, str]
) -> Occurrence | None:
    """What an event is to a trigger; None where it is nothing.

    Args:
        deployments: names by id, for triggers on alerts of one deployment.
    """
    if config.when == "dataset" and event.kind == "dataset.version-created":
        return _dataset(config, event)
    if config.when == "pipeline" and event.kind == f"pipeline-run.{config.status}":
        return _pipeline(config, event)
    if config.when == "alert" and event.kind == "alert.raised":
        return _alert(config, event, deployments)
    return None


def circle(pipelines: Mapping[str, tuple[str, str]], name: str) -> tuple[str, ...]:
    """The triggers through which a pipeline would start itself again; empty where there are none.

    Args:
        pipelines: by trigger, the upstream pipeline and the one it starts.
        name: the trigger to begin with.

    >>> circle({"a": ("load", "fit"), "b": ("fit", "load")}, "a")
    ('a', 'b')
    >>> circle({"a": ("load", "fit"), "b": ("fit", "report")}, "a")
    ()
    """
    origin = pipelines[name][0]
    path: list[tuple[str, ...]] = [(name,)]
    while path:
        walked = path.pop()
        reached = pipelines[walked[-1]][1]
        if reached == origin:
            return walked
        path += [
            (*walked, other)
            for other, (upstream, _) in pipelines.items()
            if upstream == reached and other not in walked
        ]
    return ()


def _dataset(config: TriggerConfig, event: Event) -> Occurrence | None:
    payload = event.payload
    if payload.get("name") != config.name:
        return None
    identifier = event.subject.partition(":")[2]
    known = {
        "dataset": payload["name"],
        "version": payload.get("version"),
        "digest": payload.get("digest"),
        "rows": payload.get("rows"),
        "id": identifier,
    }
    return Occurrence(
        key=f"event:{event.seq}", known=known, cause={"dataset": identifier}, by="dataset"
    )


def _pipeline(config: TriggerConfig, event: Event) -> Occurrence | None:
    if event.payload.get("pipeline") != config.name:
        return None
    identifier = event.subject.partition(":")[2]
    known = {"run": identifier, "upstream": config.name, "status": config.status}
    return Occurrence(
        key=f"event:{event.seq}",
        known=known,
        cause={"upstream": identifier, "of": config.name},
        by="upstream",
    )


def _alert(
    config: TriggerConfig, event: Event, deployments: Mapping[str, str]
) -> Occurrence | None:
    payload = event.payload
    deployment = deployments.get(str(payload.get("deployment")), "")
    if config.kinds and payload.get("kind") not in config.kinds:
        return None
    if config.name is not None and config.name != deployment:
        return None
    identifier = event.subject.partition(":")[2]
    known = {
        "alert": identifier,
        "kind": payload.get("kind"),
        "severity": payload.get("severity"),
        "title": payload.get("title"),
        "deployment": deployment,
    }
    cause = {"alert": identifier, "kind": payload.get("kind")}
    return Occurrence(key=f"event:{event.seq}", known=known, cause=cause, by="alert")
