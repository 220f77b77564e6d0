"""The part of an import that MLflow 3 added: logged models and traces, experiment by experiment."""

from __future__ import annotations

from collections.abc import Callable

from millwright.kernel.door import Door
from millwright.kernel.errors import MillwrightError
from millwright.tracking.exchange.journal import Journal
from millwright.tracking.exchange.records import (
    CarriedLoggedModels,
    CarriedTrace,
    CarriedTraces,
    TakenCount,
)
from millwright.tracking.exchange.source import Source, SourceExperiment, SourceLoggedModel

BATCH_TRACES = 50
Left = Callable[[str], object]


def bring_models(
    door: Door,
    project: str,
    source: Source,
    experiment: SourceExperiment,
    journal: Journal,
    left: Left,
) -> int:
    """Bring the logged models of an experiment with their files; how many were new."""
    made = 0
    for found in source.logged_models(experiment.id):
        key = f"model:{found.model.id}"
        if journal.has(key, found.mark):
            continue
        files = _stored(door, project, source, found, left)
        if files is None:
            continue
        body = CarriedLoggedModels(
            experiment=experiment.name, models=(found.model.model_copy(update={"files": files}),)
        )
        taken = _take(door, f"/projects/{project}/logged-models/import", body)
        made += taken.new
        if taken.refused:
            left(f"logged model {found.model.id}: another project here has one with this id")
            continue
        journal.note({key: found.mark})
    return made


def bring_traces(
    door: Door,
    project: str,
    source: Source,
    experiment: SourceExperiment,
    journal: Journal,
    left: Left,
) -> int:
    """Bring the traces of an experiment with spans and assessments; how many were new."""
    made = 0
    waiting: list[CarriedTrace] = []
    marks: dict[str, str] = {}

    def send() -> int:
        if not waiting:
            return 0
        body = CarriedTraces(experiment=experiment.name, traces=tuple(waiting))
        taken = _take(door, f"/projects/{project}/traces/import", body)
        for identifier in taken.refused:
            left(f"trace {identifier}: another project here has one with this id")
            marks.pop(f"trace:{identifier}", None)
        journal.note(marks)
        waiting.clear()
        marks.clear()
        return taken.new

    for found in source.traces(experiment.id):
        key = f"trace:{found.id}"
        if journal.has(key, found.mark):
            continue
        whole = source.whole_trace(found)
        if not whole.spans:
            left(f"spans of trace {found.id}: they are where this machine cannot read them")
        waiting.append(whole)
        marks[key] = found.mark
        if len(waiting) >= BATCH_TRACES:
            made += send()
    return made + send()


def _take(door: Door, path: str, body: CarriedTraces | CarriedLoggedModels) -> TakenCount:
    return TakenCount.model_validate(door.post(path, body))


def _stored(
    door: Door, project: str, source: Source, found: SourceLoggedModel, left: Left
) -> dict[str, str] | None:
    """Digests of a logged model's files, stored; None where they could not be read this time."""
    files: dict[str, str] = {}
    try:
        for name, content in source.model_files(found):
            files[name] = door.upload(project, content)
    except (MillwrightError, OSError) as error:
        left(f"files of logged model {found.model.id}: {error}")
        return None
    elsewhere = "://" in found.artifact_uri and not found.artifact_uri.startswith("file:")
    if not files and elsewhere:
        left(f"files of logged model {found.model.id}: they stay at {found.artifact_uri}")
    return files
