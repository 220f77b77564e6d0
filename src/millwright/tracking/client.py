"""Tracking through the one door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from millwright.kernel.door import Door
from millwright.tracking.records import (
    Artifact,
    Inputs,
    MetricBatch,
    MetricPoint,
    NewArtifact,
    NewRun,
    Params,
    ParamValue,
    Run,
    RunPage,
    RunPatch,
    RunStatus,
    Tags,
)

BATCH = 50_000
"""Points sent in one request at most."""


def create_run(door: Door, project: str, new: NewRun) -> Run:
    """Start a run.

    Raises:
        NotFound: the parent run does not exist.
    """
    return Run.model_validate(door.post(f"/projects/{project}/runs", new))


def get_run(door: Door, run: str) -> Run:
    """A run with its parameters, tags and latest metrics; raises ``NotFound``."""
    return Run.model_validate(door.get(f"/runs/{_part(run)}"))


def list_runs(
    door: Door,
    project: str,
    *,
    experiment: str | None = None,
    status: RunStatus | None = None,
    parent: str | None = None,
    order_by: str = "-created",
    limit: int = 100,
    page_token: str | None = None,
) -> RunPage:
    """A page of runs; see ``service.list_runs`` for the arguments."""
    answer = door.get(
        f"/projects/{project}/runs",
        experiment=experiment,
        status=status,
        parent=parent,
        order_by=order_by,
        limit=limit,
        page_token=page_token,
    )
    return RunPage.model_validate(answer)


def each_run(
    door: Door,
    project: str,
    *,
    experiment: str | None = None,
    parent: str | None = None,
    order_by: str = "-created",
) -> Iterator[Run]:
    """All runs of a project, fetched page by page as they are consumed."""
    token: str | None = None
    while True:
        page = list_runs(
            door,
            project,
            experiment=experiment,
            parent=parent,
            order_by=order_by,
            limit=1000,
            page_token=token,
        )
        yield from page.runs
        token = page.next_page_token
        if token is None:
            return


def end_run(
    door: Door, run: str, status: RunStatus = "finished", *, error: str | None = None
) -> Run:
    """End a run; raises ``Conflict`` if it has ended in another way."""
    patch = RunPatch(status=status, error=error)
    return Run.model_validate(door.patch(f"/runs/{_part(run)}", patch))


def delete_run(door: Door, run: str) -> None:
    """Delete a run; it can be restored until it is purged."""
    door.delete(f"/runs/{_part(run)}")


def restore_run(door: Door, run: str) -> Run:
    """Restore a deleted run; raises ``NotFound`` where it was purged."""
    return Run.model_validate(door.post(f"/runs/{_part(run)}/restore"))


def purge_runs(door: Door, project: str, older_than: str) -> int:
    """Remove for good what was deleted longer ago than that; how many runs it was."""
    path = f"/projects/{_part(project)}/runs/purge?older_than={_part(older_than)}"
    return int(door.post(path)["count"])


def log_metrics(door: Door, run: str, points: Sequence[MetricPoint]) -> int:
    """Record points, in as few requests as their number allows; how many there were."""
    for start in range(0, len(points), BATCH):
        batch = MetricBatch(points=tuple(points[start : start + BATCH]))
        door.post(f"/runs/{_part(run)}/metrics", batch)
    return len(points)


def log_params(door: Door, run: str, params: Mapping[str, ParamValue]) -> None:
    """Record parameters; raises ``Conflict`` if one has another value already."""
    door.post(f"/runs/{_part(run)}/params", Params(params=dict(params)))


def log_inputs(door: Door, run: str, datasets: Sequence[str]) -> None:
    """Name dataset versions, by id, that the run reads."""
    door.post(f"/runs/{_part(run)}/inputs", Inputs(datasets=tuple(datasets)))


def set_tags(door: Door, run: str, tags: Mapping[str, str]) -> None:
    """Set tags, replacing earlier values."""
    door.post(f"/runs/{_part(run)}/tags", Tags(tags=dict(tags)))


def log_artifact(
    door: Door,
    project: str,
    run: str,
    name: str,
    content: bytes | Path,
    *,
    media_type: str = "application/octet-stream",
) -> Artifact:
    """Store bytes and name them as an artifact of the run.

    Raises:
        InvalidInput: the name cannot be the name of an artifact.
    """
    digest = door.upload(project, content)
    body = {"name": name, "digest": digest, "media_type": media_type}
    return Artifact.model_validate(door.post(f"/runs/{_part(run)}/artifacts", body))


def link_artifact(door: Door, run: str, new: NewArtifact) -> Artifact:
    """Name bytes that are stored already as an artifact of the run."""
    return Artifact.model_validate(door.post(f"/runs/{_part(run)}/artifacts", new))


def list_artifacts(door: Door, run: str) -> list[Artifact]:
    """The artifacts of a run by name."""
    return [Artifact.model_validate(row) for row in door.get(f"/runs/{_part(run)}/artifacts")]


def download_artifact(door: Door, run: str, name: str) -> bytes:
    """The bytes of an artifact; raises ``NotFound``."""
    return door.download(f"/runs/{_part(run)}/artifacts/{quote(name, safe='/')}")


def metric_history(door: Door, run: str, key: str, *, limit: int = 10_000) -> list[MetricPoint]:
    """The points of a metric by step, thinned evenly above ``limit``."""
    rows = door.get(f"/runs/{_part(run)}/metrics/{quote(key, safe='/')}", limit=limit)
    return [MetricPoint.model_validate(row) for row in rows]


def _part(text: str) -> str:
    return quote(text, safe="")
