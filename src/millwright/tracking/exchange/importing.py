"""``mw import mlflow``: everything over, as often as one likes.

What came over is remembered beside the workspace (run by run, with a mark of the state it was in),
so that an import goes on where it was interrupted and the next one only looks at what changed.
"""

from __future__ import annotations

import contextlib
import mimetypes
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, MillwrightError
from millwright.kernel.record import Record
from millwright.tracking import client
from millwright.tracking.exchange.importing_models import bring_models, bring_traces
from millwright.tracking.exchange.journal import Journal
from millwright.tracking.exchange.records import CarriedExperiment, CarriedRun, Taken
from millwright.tracking.exchange.source import Source, SourceExperiment, SourceRun

BATCH_RUNS = 100
BATCH_POINTS = 50_000
Progress = Callable[[str], object]


class ImportReport(Record):
    """What an import did."""

    experiments: int
    runs: int
    """Runs that were looked at because they are new or have changed."""
    new_runs: int
    unchanged: int
    points: int
    artifacts: int
    models: int
    versions: int
    aliases: int
    logged_models: int
    """New ones."""
    traces: int
    """New ones."""
    left: tuple[str, ...]
    """What could not come over, each with the reason."""


class _Counts:
    def __init__(self) -> None:
        self.numbers: dict[str, int] = dict.fromkeys((*ImportReport.model_fields,), 0)
        self.left: list[str] = []

    def report(self) -> ImportReport:
        return ImportReport(**{**self.numbers, "left": tuple(self.left)})


def carry_over(
    door: Door, project: str, source: Source, place: str, journal: Path, say: Progress
) -> ImportReport:
    """Bring everything from ``source`` into a project.

    Args:
        door: where to.
        project: whose experiments they become.
        source: where from.
        place: how the user named the source; names the journal.
        journal: the folder of journals.
        say: told what is being done.
    """
    marks = Journal(journal, project, place)
    counts = _Counts()
    for experiment in source.experiments():
        counts.numbers["experiments"] += 1
        say(f"Experiment {experiment.name}")
        _experiment(door, project, source, experiment, marks, counts)
        later = (door, project, source, experiment, marks, counts.left.append)
        counts.numbers["logged_models"] += bring_models(*later)
        counts.numbers["traces"] += bring_traces(*later)
    say("Registered models")
    _models(door, project, source, counts)
    return counts.report()


def _experiment(
    door: Door,
    project: str,
    source: Source,
    experiment: SourceExperiment,
    marks: Journal,
    counts: _Counts,
) -> None:
    waiting: list[tuple[SourceRun, CarriedRun]] = []
    _send(door, project, experiment, [], counts)
    for run in source.runs(experiment.id):
        if marks.has(run.id, run.mark):
            counts.numbers["unchanged"] += 1
            continue
        waiting.append((run, source.whole(run)))
        full = sum(len(carried.points) for _, carried in waiting) >= BATCH_POINTS
        if full or len(waiting) >= BATCH_RUNS:
            _batch(door, project, source, experiment, waiting, marks, counts)
            waiting = []
    _batch(door, project, source, experiment, waiting, marks, counts)


def _batch(
    door: Door,
    project: str,
    source: Source,
    experiment: SourceExperiment,
    waiting: list[tuple[SourceRun, CarriedRun]],
    marks: Journal,
    counts: _Counts,
) -> None:
    if not waiting:
        return
    counts.numbers["runs"] += len(waiting)
    refused = _send(door, project, experiment, [carried for _, carried in waiting], counts)
    done: dict[str, str] = {}
    for run, carried in waiting:
        if run.id in refused:
            counts.left.append(f"run {run.id}: another project here has a run with this id")
            continue
        if not carried.deleted and not _artifacts(door, project, source, run, counts):
            continue
        done[run.id] = run.mark
    marks.note(done)


def _send(
    door: Door,
    project: str,
    experiment: SourceExperiment,
    runs: list[CarriedRun],
    counts: _Counts,
) -> set[str]:
    refused: set[str] = set()
    for part in _parts(runs):
        carried = CarriedExperiment(
            name=experiment.name,
            created_ms=experiment.created_ms,
            deleted=experiment.deleted,
            tags=experiment.tags,
            runs=tuple(part),
        )
        taken = Taken.model_validate(door.post(f"/projects/{project}/runs/import", carried))
        counts.numbers["new_runs"] += taken.runs
        counts.numbers["points"] += taken.points
        refused.update(taken.refused)
    return refused


def _parts(runs: list[CarriedRun]) -> list[list[CarriedRun]]:
    """The runs as they are sent; one with very many points goes in several pieces."""
    parts: list[list[CarriedRun]] = [[]]
    size = 0
    for run in runs:
        pieces = [
            run.model_copy(update={"points": run.points[start : start + BATCH_POINTS]})
            for start in range(0, len(run.points), BATCH_POINTS)
        ] or [run]
        for piece in pieces:
            if parts[-1] and size + len(piece.points) > BATCH_POINTS:
                parts.append([])
                size = 0
            parts[-1].append(piece)
            size += len(piece.points)
    return parts


def _artifacts(door: Door, project: str, source: Source, run: SourceRun, counts: _Counts) -> bool:
    """Whether all files of a run came over."""
    whole, any_file = True, False
    try:
        known = {one.name: one.size for one in client.list_artifacts(door, run.id)}
        for name, content in source.artifacts(run):
            any_file = True
            size = content.stat().st_size if isinstance(content, Path) else len(content)
            if known.get(name) == size and isinstance(content, Path):
                continue
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            client.log_artifact(door, project, run.id, name, content, media_type=kind)
            counts.numbers["artifacts"] += 1
    except (MillwrightError, OSError) as error:
        counts.left.append(f"files of run {run.id}: {error}")
        whole = False
    elsewhere = "://" in run.artifact_uri and not run.artifact_uri.startswith("file:")
    if not any_file and elsewhere:
        counts.left.append(f"files of run {run.id}: they stay at {run.artifact_uri}")
    return whole


def _models(door: Door, project: str, source: Source, counts: _Counts) -> None:
    for model in source.models():
        try:
            here = _model_here(door, project, model.name, model.description, model.tags)
            counts.numbers["models"] += 1
            for version in model.versions:
                if version.version in here:
                    continue
                made = _call(
                    door,
                    project,
                    "model-versions/create",
                    name=model.name,
                    source=_source_here(door, project, version.source, version.run),
                    run_id=version.run,
                    description=version.description,
                    tags=[{"key": key, "value": value} for key, value in version.tags.items()],
                )["model_version"]
                counts.numbers["versions"] += 1
                if int(made["version"]) != version.version:
                    counts.left.append(
                        f"model {model.name}: version {version.version} is {made['version']} here"
                    )
            for alias, number in model.aliases.items():
                _call(
                    door,
                    project,
                    "registered-models/alias",
                    name=model.name,
                    alias=alias,
                    version=str(number),
                )
                counts.numbers["aliases"] += 1
        except MillwrightError as error:
            counts.left.append(f"model {model.name}: {error}")


def _model_here(
    door: Door, project: str, name: str, description: str, tags: dict[str, str]
) -> set[int]:
    """The versions that a model has here; the model is made where it is missing."""
    pairs = [{"key": key, "value": value} for key, value in tags.items()]
    with contextlib.suppress(InvalidInput, Conflict):
        _call(
            door,
            project,
            "registered-models/create",
            name=name,
            description=description,
            tags=pairs,
        )
    wanted = quote("name='" + name.replace("'", "''") + "'", safe="")
    path = f"model-versions/search?max_results=10000&filter={wanted}"
    found = door.mlflow(project, "GET", path).get("model_versions", ())
    return {int(one["version"]) for one in found}


def _source_here(door: Door, project: str, source: str, run: str | None) -> str:
    """A version's source among the artifacts that came over with its run."""
    marker = f"{run}/artifacts"
    if run is None or marker not in source:
        return source
    info = door.mlflow(project, "GET", f"runs/get?run_id={run}")["run"]["info"]
    return str(info["artifact_uri"]) + source.partition(marker)[2]


def _call(door: Door, project: str, path: str, **body: Any) -> Any:
    given = {key: value for key, value in body.items() if value is not None}
    return door.mlflow(project, "POST", path, given)
