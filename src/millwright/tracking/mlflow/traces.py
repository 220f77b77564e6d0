"""Traces of the MLflow protocol, in its older and its newer form."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec

from millwright.kernel.access import Permission
from millwright.tracking.artifacts import files
from millwright.tracking.artifacts.paths import checked_path, joined
from millwright.tracking.experiment_lookup import active_experiment, numbers_of
from millwright.tracking.mlflow.artifacts import download
from millwright.tracking.mlflow.endpoints import Endpoints, MlflowCall, Reply
from millwright.tracking.mlflow.errors import MlflowError, absent, bad_value, invalid, missing
from millwright.tracking.mlflow.limits import MAX_KEY, at_most, checked_name, without_nul
from millwright.tracking.mlflow.paging import offset_of, token_of
from millwright.tracking.service.experiments import by_id
from millwright.tracking.traces import assessing, correlation, measures, search, service, wire
from millwright.tracking.traces.span_forms import proto_of

endpoints = Endpoints()
Json = dict[str, Any]
SIZE_STATS = "mlflow.trace.sizeStats"
FINALIZED = "mlflow.trace.infoFinalized"
MOST_LINKS = 100
MOST_IDS = 1_000
_RESERVED_TAGS = ("mlflow.trace.spansLocation", "mlflow.trace.archiveLocation")
LARGE = 64 << 20


class Search(msgspec.Struct):
    """``traces/search``, and the older search."""

    locations: list[Any] = []
    experiment_ids: list[str] = []
    filter: str | None = None
    max_results: int = 100
    order_by: list[str] = []
    page_token: str | None = None


class Named(msgspec.Struct):
    """A request that names traces or a tag."""

    trace_id: str | None = None
    trace_ids: list[str] = []
    experiment_ids: list[str] | None = None
    allow_partial: bool = False
    key: str | None = None
    value: str | None = None
    run_id: str | None = None
    prompt_versions: list[Any] = []


class Deletion(msgspec.Struct):
    """``traces/delete-traces``."""

    experiment_id: str | None = None
    max_timestamp_millis: int | None = None
    max_traces: int | None = None
    request_ids: list[str] = []


@endpoints.post("traces", permission=Permission.WRITE, max_bytes=LARGE)
def start_trace(call: MlflowCall) -> Json:
    """Record a trace: whole in the newer form, only begun in the older one."""
    sent = call.fields()
    if "/3.0/" not in call.path:
        return _start_v2(call, sent)
    trace = sent.get("trace")
    if trace is None:
        raise missing("trace")
    info = trace.get("trace_info") if isinstance(trace, dict) else None
    if not isinstance(info, dict):
        raise bad_value("trace", trace)
    experiment_id, told = wire.told_of(info)
    given = info.get("assessments") or []
    with call.store.write(call.actor, call.project) as tx:
        experiment = active_experiment(tx, call.project, experiment_id)
        told.metadata[FINALIZED] = "true"
        row = service.record(tx, experiment, told, whole=True)
        for each in given if isinstance(given, list) else []:
            assessing.create(tx, call.project, told.id, wire._object(each, "assessments"))
        return {"trace": {"trace_info": _infos(tx.connection, [row])[0]}}


@endpoints.patch("traces/{trace_id}", permission=Permission.WRITE)
def end_trace(call: MlflowCall) -> Json:
    """End a trace that was begun in the older way."""
    sent = call.fields()
    ended = sent.get("timestamp_ms")
    if ended is None:
        raise missing("timestamp_ms")
    identifier = call.parts["trace_id"]
    with call.store.write(call.actor, call.project) as tx:
        service.end(
            tx,
            call.project,
            identifier,
            timestamp_ms=_int(ended, "timestamp_ms"),
            state=wire.state(sent.get("status")),
            metadata=wire.entries(sent.get("request_metadata"), "request_metadata"),
            tags=wire.entries(sent.get("tags"), "tags"),
        )
        row = service.find(tx.connection, call.project, identifier)
        return {"trace_info": _infos_v2(tx.connection, [row])[0]}


@endpoints.get("traces/{trace_id}/info", permission=Permission.READ)
def get_info_v2(call: MlflowCall) -> Json:
    """One trace in the older form."""
    with call.store.read() as connection:
        row = service.find(connection, call.project, call.parts["trace_id"])
        return {"trace_info": _infos_v2(connection, [row])[0]}


@endpoints.get("traces/get", permission=Permission.READ)
def get_trace(call: MlflowCall) -> Json:
    """One trace with its spans."""
    asked = call.read(Named)
    if not asked.trace_id:
        raise missing("trace_id")
    with call.store.read() as connection:
        rows = service.find_many(connection, call.project, [asked.trace_id])
        if not rows:
            raise absent(f"Trace with ID {asked.trace_id[:100]} is not found.")
        found = _whole(connection, rows, partial=asked.allow_partial)
    if not found:
        raise absent(
            f"Trace with ID {asked.trace_id[:100]} is not fully exported yet, please try again "
            "later."
        )
    return {"trace": found[0]}


@endpoints.get("traces/batchGet", permission=Permission.READ)
def batch_get(call: MlflowCall) -> Json:
    """Several traces with their spans; those that are not whole yet are left out."""
    asked = call.read(Named)
    with call.store.read() as connection:
        found = _whole(connection, _asked_rows(call, connection, asked), partial=False)
    return {"traces": found} if found else {}


@endpoints.post("traces/batchGetInfos", permission=Permission.READ)
def batch_get_infos(call: MlflowCall) -> Json:
    """Several traces without spans."""
    asked = call.read(Named)
    with call.store.read() as connection:
        found = _infos(connection, _asked_rows(call, connection, asked))
    return {"trace_infos": found} if found else {}


@endpoints.get("traces/{trace_id}", permission=Permission.READ)
def get_info(call: MlflowCall) -> Json:
    """One trace without its spans."""
    with call.store.read() as connection:
        row = service.find(connection, call.project, call.parts["trace_id"])
        return {"trace": {"trace_info": _infos(connection, [row])[0]}}


@endpoints.post("traces/search", permission=Permission.READ)
def search_traces(call: MlflowCall) -> Json:
    """Traces of experiments, filtered and in order."""
    asked = call.read(Search)
    if not asked.locations:
        raise missing("locations")
    ids = []
    for place in asked.locations:
        inner = place.get("mlflow_experiment") if isinstance(place, dict) else None
        if isinstance(inner, dict) and inner.get("experiment_id") is not None:
            ids.append(str(inner["experiment_id"]))
    return _searched(call, asked, ids, _infos)


@endpoints.get("traces", permission=Permission.READ)
def search_traces_v2(call: MlflowCall) -> Json:
    """As ``search_traces``, in the older form."""
    asked = call.read(Search)
    if not asked.experiment_ids:
        raise missing("experiment_ids")
    return _searched(call, asked, asked.experiment_ids, _infos_v2)


@endpoints.post("traces/delete-traces", permission=Permission.WRITE)
def delete_traces(call: MlflowCall) -> Json:
    """Delete traces by time or by id."""
    asked = call.read(Deletion)
    if not asked.experiment_id:
        raise missing("experiment_id")
    by_time = asked.max_timestamp_millis is not None
    if not by_time and not asked.request_ids:
        raise invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.")
    if by_time and asked.request_ids:
        raise invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
    if asked.max_traces is not None and asked.request_ids:
        raise invalid("`max_traces` can't be specified if `trace_ids` is specified.")
    if asked.max_traces is not None and asked.max_traces <= 0:
        raise invalid(f"`max_traces` must be a positive integer, received {asked.max_traces}.")
    with call.store.write(call.actor, call.project) as tx:
        experiment = by_id(tx.connection, call.project, asked.experiment_id)
        gone = 0
        if experiment is not None:
            gone = service.remove(
                tx,
                call.project,
                experiment.no,
                until_ms=asked.max_timestamp_millis,
                most=asked.max_traces,
                identifiers=asked.request_ids[:MOST_IDS],
            )
    return {"traces_deleted": gone}


@endpoints.patch("traces/{trace_id}/tags", permission=Permission.WRITE)
def set_tag(call: MlflowCall) -> Json:
    """Set a tag of a trace."""
    key, value = _tag(call.read(Named))
    _not_reserved(key, "set")
    with call.store.write(call.actor, call.project) as tx:
        service.set_tag(tx, call.project, call.parts["trace_id"], key, value)
    return {}


@endpoints.delete("traces/{trace_id}/tags", permission=Permission.WRITE)
def delete_tag(call: MlflowCall) -> Json:
    """Remove a tag of a trace."""
    given = call.arguments().get("key")
    asked = call.read(Named) if call.body else Named(key=given[-1] if given else None)
    key, _ = _tag(asked)
    _not_reserved(key, "deleted")
    with call.store.write(call.actor, call.project) as tx:
        service.remove_tag(tx, call.project, call.parts["trace_id"], key)
    return {}


@endpoints.post("traces/link-to-run", permission=Permission.WRITE)
def link_to_run(call: MlflowCall) -> Json:
    """Link traces to a run."""
    asked = call.read(Named)
    if not asked.run_id:
        raise missing("run_id")
    if not asked.trace_ids:
        raise missing("trace_ids")
    if len(asked.trace_ids) > MOST_LINKS:
        raise invalid(
            f"Cannot link more than {MOST_LINKS} traces to a run in a single request. "
            f"Provided {len(asked.trace_ids)} traces."
        )
    with call.store.write(call.actor, call.project) as tx:
        service.link(tx, call.project, asked.trace_ids, "run", [asked.run_id[:300]])
    return {}


@endpoints.post("traces/link-prompts", permission=Permission.WRITE)
def link_prompts(call: MlflowCall) -> Json:
    """Link versions of prompts to a trace."""
    asked = call.read(Named)
    if not asked.trace_id:
        raise missing("trace_id")
    if not asked.prompt_versions:
        raise missing("prompt_versions")
    targets = []
    for each in asked.prompt_versions:
        if not isinstance(each, dict) or not each.get("name") or not each.get("version"):
            raise bad_value("prompt_versions", each)
        targets.append(f"{each['name']}/{each['version']}"[:300])
    with call.store.write(call.actor, call.project) as tx:
        service.find(tx.connection, call.project, asked.trace_id)
        service.link(tx, call.project, [asked.trace_id], "prompt", targets)
    return {}


@endpoints.post("traces/calculate-filter-correlation", permission=Permission.READ)
def filter_correlation(call: MlflowCall) -> Json:
    """How often two filters hold for the same traces."""
    return correlation.answer(call.store, call.project, call.read(correlation.Asked))


@endpoints.post("traces/metrics", permission=Permission.READ)
def trace_metrics(call: MlflowCall) -> Json:
    """Counts, times, tokens, costs and judgements over many traces, for charts."""
    return measures.answer(call.store, call.project, call.read(measures.Asked))


@endpoints.get("get-trace-artifact", permission=Permission.READ)
def get_artifact(call: MlflowCall) -> Reply:
    """The spans of a trace as ``traces.json``, or an attachment of it."""
    given = {name: values[-1] for name, values in call.arguments().items()}
    identifier = given.get("request_id")
    if not identifier:
        raise MlflowError("BAD_REQUEST", 'Request must include the "request_id" query parameter.')
    with call.store.read() as connection:
        row = service.find(connection, call.project, identifier)
        _, _, _, tags, _ = service.infos(connection, [row])[0]
        stored = service.contents(connection, identifier)
    place = files.path_of(tags.get(service.ARTIFACT_LOCATION, "")) or ""
    if given.get("path"):
        return download(call, joined(place, "attachments", checked_path(given["path"])))
    if not stored:
        return download(call, joined(place, "traces.json"))
    content = json.dumps({"spans": stored}, ensure_ascii=False).encode()
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": "attachment; filename=traces.json",
    }
    return Reply(content, headers=headers)


def _start_v2(call: MlflowCall, sent: Json) -> Json:
    told = service.Told(
        id=uuid.uuid4().hex,
        timestamp_ms=_int(sent.get("timestamp_ms", 0), "timestamp_ms"),
        execution_ms=None,
        state="IN_PROGRESS",
        metadata=wire.entries(sent.get("request_metadata"), "request_metadata"),
        tags=wire.entries(sent.get("tags"), "tags"),
    )
    with call.store.write(call.actor, call.project) as tx:
        experiment = active_experiment(tx, call.project, str(sent.get("experiment_id", "")))
        row = service.record(tx, experiment, told, whole=True)
        return {"trace_info": _infos_v2(tx.connection, [row])[0]}


def _searched(call: MlflowCall, asked: Search, ids: list[str], shown: Any) -> Json:
    if asked.max_results < 1:
        raise invalid(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied. It must be a "
            "positive integer"
        )
    if asked.max_results > search.MOST:
        raise invalid(
            f"Invalid value {asked.max_results} for parameter 'max_results' supplied: It must be "
            f"at most {search.MOST}, but got value {asked.max_results}"
        )
    start = offset_of(asked.page_token)
    rows = search.search(
        call.store,
        call.project,
        ids,
        text=asked.filter,
        order=asked.order_by,
        size=asked.max_results,
        start=start,
    )
    with call.store.read() as connection:
        found = shown(connection, rows)
    answer: Json = {"traces": found} if found else {}
    if len(rows) == asked.max_results:
        answer["next_page_token"] = token_of(start + asked.max_results)
    return answer


def _asked_rows(call: MlflowCall, connection: Any, asked: Named) -> list[Any]:
    if not asked.trace_ids:
        raise missing("trace_ids")
    rows = service.find_many(connection, call.project, asked.trace_ids[:MOST_IDS])
    if asked.experiment_ids is not None:
        within = numbers_of(connection, call.project, asked.experiment_ids)
        rows = [row for row in rows if row.experiment_no in within]
    return rows


def _infos(connection: Any, rows: list[Any]) -> list[Json]:
    return [wire.info_v3(*each) for each in service.infos(connection, rows)]


def _infos_v2(connection: Any, rows: list[Any]) -> list[Json]:
    return [
        wire.info_v2(row, experiment, metadata, tags)
        for row, experiment, metadata, tags, _ in service.infos(connection, rows)
    ]


def _whole(connection: Any, rows: list[Any], *, partial: bool) -> list[Json]:
    found = []
    for row, experiment, metadata, tags, said in service.infos(connection, rows):
        stored = service.contents(connection, row.id)
        if not partial and (not stored or len(stored) < _expected(metadata)):
            continue
        info = wire.info_v3(row, experiment, metadata, tags, said)
        found.append({"trace_info": info, "spans": [proto_of(each) for each in stored]})
    return found


def _expected(metadata: dict[str, str]) -> int:
    try:
        said = json.loads(metadata.get(SIZE_STATS, "{}")).get("num_spans", 0)
    except (ValueError, AttributeError):
        return 0
    return said if isinstance(said, int) else 0


def _tag(asked: Named) -> tuple[str, str]:
    if not asked.key:
        raise missing("key")
    checked_name(asked.key, "key")
    at_most("key", MAX_KEY, asked.key)
    return asked.key, without_nul(asked.value or "")[: service.MAX_TAG]


def _not_reserved(key: str, what: str) -> None:
    if key in _RESERVED_TAGS:
        raise invalid(f"Trace tag '{key}' is reserved and cannot be {what}.")


def _int(given: object, name: str) -> int:
    try:
        number = int(given)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise bad_value(name, given) from None
    if not 0 <= number < 2**62:
        raise bad_value(name, given)
    return int(number)
