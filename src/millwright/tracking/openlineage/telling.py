"""What the log says of runs and pipeline runs, as RunEvents."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from millwright import __version__
from millwright.kernel import events
from millwright.kernel.events import Event
from millwright.kernel.lineage import kind_of
from millwright.kernel.nodes import LineageNode, describe_nodes
from millwright.kernel.tables import lineage
from millwright.tracking.openlineage.records import PRODUCER, SCHEMA, EventType, RunEvents

_TYPES: dict[str, EventType] = {
    "run.created": "START",
    "pipeline-run.created": "START",
    "pipeline-run.succeeded": "COMPLETE",
    "pipeline-run.failed": "FAIL",
    "pipeline-run.cancelled": "ABORT",
}
_ENDS: dict[str, EventType] = {"finished": "COMPLETE", "failed": "FAIL", "cancelled": "ABORT"}
_DATASETS = ("dataset", "external-dataset", "model-version")
_FACETS = "https://openlineage.io/spec/facets"
_ENGINE = f"{_FACETS}/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet"
_PARENT = f"{_FACETS}/1-0-1/ParentRunFacet.json#/$defs/ParentRunFacet"
_ERROR = f"{_FACETS}/1-0-0/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
_VERSION = f"{_FACETS}/1-0-0/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
_BASE = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet"


def run_events(connection: Connection, project: str, after: int, limit: int) -> RunEvents:
    """RunEvents of a project from the log behind ``after``, at most ``limit`` entries of it read."""
    read = events.read(connection, after=after, limit=limit, project=project)
    told = [found for one in read if (found := run_event(connection, one)) is not None]
    return RunEvents(events=tuple(told), next=read[-1].seq if len(read) == limit else None)


def run_event(connection: Connection, event: Event) -> dict[str, Any] | None:
    """An entry of the log as a RunEvent; None where it does not tell of a run."""
    kind = _type_of(event)
    subject = _subject(connection, event)
    if kind is None or subject is None or event.project is None:
        return None
    made = _made(connection, subject)
    if made is None:
        return None
    ends = {"inputs": _ends(connection, event.project, subject, inputs=True), "outputs": []}
    if kind != "START":
        ends["outputs"] = _ends(connection, event.project, subject, inputs=False)
    return {
        "eventType": kind,
        "eventTime": event.time,
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": _uuid(subject), "facets": _run_facets(connection, event, subject)},
        "job": {"namespace": namespace(event.project), "name": _job_name(made), "facets": {}},
        **ends,
    }


def namespace(project: str) -> str:
    """The namespace of what a project holds."""
    return f"millwright/{project}"


def _type_of(event: Event) -> EventType | None:
    if event.kind == "run.finished":
        return _ENDS.get(str(event.payload.get("status")))
    return "OTHER" if event.kind == "model.version-registered" else _TYPES.get(event.kind)


def _subject(connection: Connection, event: Event) -> str | None:
    """The run that an entry is about; of a registered version the run that made it."""
    if event.kind != "model.version-registered":
        return event.subject
    query = select(lineage.c.source).where(
        lineage.c.project == event.project,
        lineage.c.target == event.subject,
        lineage.c.source.like("run:%"),
    )
    return connection.execute(query.limit(1)).scalar()


def _made(connection: Connection, subject: str) -> Event | None:
    found = events.read(connection, subject=subject, kind=f"{kind_of(subject)}.created", limit=1)
    return found[0] if found else None


def _job_name(made: Event) -> str:
    """A run is an execution of its experiment, a pipeline run one of its pipeline."""
    return str(made.payload.get("pipeline") or made.payload.get("experiment") or "default")


def _run_facets(connection: Connection, event: Event, subject: str) -> dict[str, Any]:
    facets: dict[str, Any] = {
        "processing_engine": _facet(_ENGINE, version=__version__, name="Millwright"),
        "millwright_run": _facet(_BASE, node=subject, by=event.actor),
    }
    parent = _parent_of(connection, event, subject)
    if parent is not None and event.project is not None:
        above = {"namespace": namespace(event.project), "name": _job_name(parent)}
        run = {"runId": _uuid(parent.subject)}
        facets["parent"] = _facet(_PARENT, run=run, job=above)
    error = event.payload.get("error")
    if error:
        said = error.get("message") if isinstance(error, dict) else error
        facets["errorMessage"] = _facet(_ERROR, message=str(said), programmingLanguage="PYTHON")
    return facets


def _parent_of(connection: Connection, event: Event, subject: str) -> Event | None:
    query = select(lineage.c.source).where(
        lineage.c.project == event.project, lineage.c.target == subject
    )
    for source in connection.execute(query).scalars():
        # A pipeline run and its tracked run share an id: they are one run to others.
        if kind_of(source) in ("run", "pipeline-run") and _uuid(source) != _uuid(subject):
            return _made(connection, source)
    return None


def _ends(
    connection: Connection, project: str, subject: str, *, inputs: bool
) -> list[dict[str, Any]]:
    near, far = lineage.c.target, lineage.c.source
    if not inputs:
        near, far = far, near
    query = select(far).where(lineage.c.project == project, near == subject)
    names = [one for one in connection.execute(query).scalars() if kind_of(one) in _DATASETS]
    return [_dataset(project, node) for node in describe_nodes(connection, project, names)]


def _dataset(project: str, node: LineageNode) -> dict[str, Any]:
    if node.kind == "external-dataset" and "namespace" in node.details:
        details = node.details
        return {"namespace": details["namespace"], "name": details["name"], "facets": {}}
    name = str(node.details.get("name", node.label))
    facets = {}
    if "version" in node.details:
        facets["version"] = _facet(_VERSION, datasetVersion=str(node.details["version"]))
    prefix = "models/" if node.kind == "model-version" else ""
    return {"namespace": namespace(project), "name": f"{prefix}{name}", "facets": facets}


def _facet(schema: str, **content: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": schema, **content}


def _uuid(subject: str) -> str:
    return str(UUID(subject.partition(":")[2]))
