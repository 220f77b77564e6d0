"""What a tracking server answers over REST, as what is carried over. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from millwright.tracking.exchange.records import (
    CarriedDataset,
    CarriedLoggedModel,
    CarriedModelMetric,
    CarriedUse,
)
from millwright.tracking.exchange.source import LOGGED_STATUS, SourceVersion


def mark_of(run: dict[str, Any]) -> str:
    """What changes when a run does."""
    info, metrics = run["info"], run.get("data", {}).get("metrics", ())
    latest = sorted((m["key"], m.get("step", 0), m.get("timestamp", 0)) for m in metrics)
    tags = sorted(pairs(run.get("data", {}).get("tags", ())).items())
    state = (info.get("status"), info.get("end_time"), info.get("lifecycle_stage"))
    return repr((state, latest, tags))


def pairs(found: Any) -> dict[str, str]:
    """A list of keys and values as a dict."""
    return {one["key"]: one.get("value", "") for one in found}


def dataset(one: dict[str, Any]) -> CarriedDataset:
    """A dataset that a run read."""
    known = one["dataset"]
    return CarriedDataset(
        name=known["name"],
        digest=known["digest"],
        source_type=known.get("source_type", ""),
        source=known.get("source", ""),
        schema_text=known.get("schema"),
        profile=known.get("profile"),
        tags=pairs(one.get("tags", ())),
    )


def version(one: dict[str, Any]) -> SourceVersion:
    """A version of a registered model."""
    return SourceVersion(
        version=int(one["version"]),
        source=one.get("source", ""),
        run=one.get("run_id") or None,
        description=one.get("description", ""),
        tags=pairs(one.get("tags", ())),
    )


def uses(run: dict[str, Any]) -> Iterator[CarriedUse]:
    """The logged models that a run read and wrote."""
    for one in run.get("inputs", {}).get("model_inputs", ()):
        yield CarriedUse(model=one["model_id"], direction="input")
    for one in run.get("outputs", {}).get("model_outputs", ()):
        yield CarriedUse(model=one["model_id"], direction="output", step=int(one.get("step") or 0))


def logged_model(info: dict[str, Any], data: dict[str, Any]) -> CarriedLoggedModel:
    """A logged model without its files."""
    created = int(info.get("creation_timestamp_ms", 0))
    return CarriedLoggedModel(
        id=info["model_id"],
        name=info["name"],
        model_type=info.get("model_type"),
        run=info.get("source_run_id"),
        status=LOGGED_STATUS.get(info.get("status", ""), 2),
        created_ms=created,
        updated_ms=int(info.get("last_updated_timestamp_ms") or created),
        params=pairs(data.get("params", ())),
        tags=pairs(info.get("tags", ())),
        metrics=tuple(
            CarriedModelMetric(
                key=one["key"],
                value=float(one["value"]),
                time_ms=int(one["timestamp"]),
                step=int(one.get("step", 0)),
                run=one.get("run_id") or "",
                dataset_name=one.get("dataset_name"),
                dataset_digest=one.get("dataset_digest"),
            )
            for one in data.get("metrics", ())
        ),
    )
