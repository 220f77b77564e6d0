"""RunEvents out, events of all kinds in, and what others make of ours."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from click.testing import CliRunner

from millwright.cli.main import cli
from millwright.data import snapshot
from millwright.kernel.door import Door, connect
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.graph_client import get_impact, get_lineage
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.tracking import NewRun, OpenLineageController, create_run, end_run
from mlflow_server import serving

P = "shop"
PEER = Path(__file__).parents[3] / ".peers/openlineage/bin/python"


def event(**changes: Any) -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-01-02T03:04:05.678Z",
        "producer": "https://example.org/etl",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(uuid4())},
        "job": {"namespace": "airflow", "name": "nightly.load"},
        "inputs": [{"namespace": "postgres://db:5432", "name": "shop.public.orders"}],
        "outputs": [{"namespace": "s3://lake", "name": "raw/orders.parquet"}],
        **changes,
    }


def told(door: Door) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = door.get(f"/projects/{P}/lineage/openlineage")["events"]
    return found


def must_follow_the_schema(one: dict[str, Any]) -> None:
    """What ``OpenLineage.json`` 2-0-2 requires of a RunEvent and of every facet."""
    assert {"eventTime", "producer", "schemaURL", "run", "job"} <= set(one)
    datetime.fromisoformat(one["eventTime"])
    assert all(urlsplit(one[key]).scheme == "https" for key in ("producer", "schemaURL"))
    assert one["eventType"] in ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
    UUID(one["run"]["runId"])
    things = [one["job"], *one["inputs"], *one["outputs"]]
    assert all(thing["namespace"] and thing["name"] for thing in things)
    for thing in (one["run"], *things):
        for facet in thing["facets"].values():
            assert {"_producer", "_schemaURL"} <= set(facet)


def test_a_run_is_told_from_its_start_to_its_end(door: Door) -> None:
    table = snapshot(door, P, "orders", pa.table({"x": [1.0]}), "orders.csv")
    run = create_run(door, P, NewRun(experiment="late", inputs=(table.id,)))
    child = create_run(door, P, NewRun(experiment="late-trials", parent=run.id))
    end_run(door, child.id, "failed", error="It broke.")
    end_run(door, run.id)
    found = told(door)
    for one in found:
        must_follow_the_schema(one)
    assert [(one["eventType"], one["job"]["name"]) for one in found] == [
        ("START", "late"),
        ("START", "late-trials"),
        ("FAIL", "late-trials"),
        ("COMPLETE", "late"),
    ]
    (given,) = found[0]["inputs"]
    assert (given["namespace"], given["name"]) == ("millwright/shop", "orders")
    assert given["facets"]["version"]["datasetVersion"] == "1"
    assert found[1]["run"]["facets"]["parent"]["run"]["runId"] == str(UUID(run.id))
    assert found[2]["run"]["facets"]["errorMessage"]["message"] == "It broke."


def test_what_a_job_outside_wrote_is_where_our_version_comes_from(door: Door) -> None:
    table = snapshot(door, P, "orders", pa.table({"x": [1.0]}), "orders.csv")
    source = {"url": "s3://lake/raw/orders.parquet", "state": {"kind": "etag", "value": "1"}}
    door.put(f"/projects/{P}/datasets/orders/versions/1/source", source)
    door.post(f"/projects/{P}/lineage", event())
    graph = get_lineage(door, P, "orders@1", direction="up")
    labels = {node.label for node in graph.nodes}
    assert labels == {"orders@1", "raw/orders.parquet", "nightly.load", "shop.public.orders"}
    (job,) = (node for node in graph.nodes if node.kind == "external-job")
    assert (job.details["state"], job.details["namespace"]) == ("COMPLETE", "airflow")
    harmed = get_impact(door, P, next(n.id for n in graph.nodes if "public" in n.label))
    assert [one.id for one in harmed.of_kind("dataset")] == [f"dataset:{table.id}"]


def test_a_job_outside_that_reads_our_version_is_found_by_it(door: Door) -> None:
    table = snapshot(door, P, "orders", pa.table({"x": [1.0]}), "orders.csv")
    run = create_run(door, P, NewRun(experiment="late", inputs=(table.id,)))
    (ours,) = told(door)[0]["inputs"]
    door.post(f"/projects/{P}/lineage", event(inputs=[ours]))
    harmed = get_impact(door, P, "orders@1")
    assert {one.node.label for one in harmed.affected} == {
        "nightly.load",
        "raw/orders.parquet",
        run.name,
    }


def test_the_same_event_again_adds_nothing(door: Door) -> None:
    same = event()
    first = door.post(f"/projects/{P}/lineage", same)
    assert door.post(f"/projects/{P}/lineage", same) == first
    assert len(get_lineage(door, P, first["node"]).edges) == 2


def without_run(**changes: Any) -> dict[str, Any]:
    return {
        key: value for key, value in event(**changes).items() if key not in ("run", "eventType")
    }


def test_a_job_that_never_ran_is_where_its_view_comes_from(door: Door) -> None:
    door.post(f"/projects/{P}/lineage", event())
    facets = {"sql": {"query": "SELECT * FROM orders"}}
    job = {"namespace": "dbt", "name": "orders_view", "facets": facets}
    view = {"namespace": "postgres://db:5432", "name": "shop.public.orders"}
    told = door.post(f"/projects/{P}/lineage", without_run(job=job, inputs=[], outputs=[view]))
    graph = get_lineage(door, P, told["node"], direction="down")
    labels = {node.label for node in graph.nodes}
    assert labels == {"orders_view", "shop.public.orders", "nightly.load", "raw/orders.parquet"}
    (node,) = (node for node in graph.nodes if node.id == told["node"])
    assert node.details["query"] == "SELECT * FROM orders"
    assert "run" not in node.details


def test_a_dataset_tells_its_columns_and_what_they_were_made_of(door: Door) -> None:
    door.post(f"/projects/{P}/lineage", event())
    given = {"namespace": "s3://lake", "name": "raw/orders.parquet", "field": "price"}
    facets = {
        "schema": {"fields": [{"name": "price", "type": "DOUBLE"}, {"name": 7}, "odd"]},
        "documentation": {"description": "Orders by day."},
        "columnLineage": {"fields": {"total": {"inputFields": [given, {"name": "nameless"}]}}},
        "version": "odd",
    }
    dataset = {"namespace": "s3://lake", "name": "daily.parquet", "facets": facets}
    sent = without_run(dataset=dataset)
    del sent["job"]
    told = door.post(f"/projects/{P}/lineage", sent)
    assert told["edges"] == 1
    # What comes later tells a part, and takes nothing away.
    door.post(f"/projects/{P}/lineage", event(inputs=[{**dataset, "facets": {}}], outputs=[]))
    graph = get_lineage(door, P, told["node"], direction="up")
    (node,) = (node for node in graph.nodes if node.id == told["node"])
    assert (node.details["columns"], node.details["description"]) == (
        "price DOUBLE",
        "Orders by day.",
    )
    assert "raw/orders.parquet" in {node.label for node in graph.nodes}
    with pytest.raises(InvalidInput):
        door.post(f"/projects/{P}/lineage", {**sent, "dataset": {"namespace": "s3://lake"}})


def test_clients_that_know_no_projects_are_understood(door: Door) -> None:
    door.put(f"/projects/{P}", {"config": f"project: {P}\ndata: {{source: a.csv, target: y}}\n"})
    door.post("/lineage", event())
    door.put("/projects/other", {"config": "project: other\ndata: {source: a.csv, target: y}\n"})
    with pytest.raises(InvalidInput, match="which project"):
        door.post("/lineage", event())
    node = door.post("/lineage", event(job={"namespace": "other", "name": "load"}))["node"]
    assert get_lineage(door, "other", node).edges


@pytest.mark.parametrize(
    "broken",
    [
        {"run": {"runId": "no uuid"}},
        {"run": None},
        {"job": {"namespace": "", "name": "x"}},
        {"job": {"namespace": "n", "name": "x\u0000"}},
        {"eventType": "MAYBE"},
        {"eventTime": "yesterday"},
        {"inputs": [{"namespace": "n"}]},
        {"outputs": [{"namespace": "n", "name": "x"}] * 501},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_what_is_no_run_event_is_refused_and_leaves_nothing(
    door: Door, broken: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        door.post(f"/projects/{P}/lineage", event(**broken))
    with pytest.raises(NotFound):
        get_lineage(door, P, "external-job:anything")


class Endpoint:
    """An OpenLineage endpoint on a real socket; it can be told to be busy or to refuse."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.keys: set[str | None] = set()
        self.answer = 201
        endpoint = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if endpoint.answer < 300:
                    endpoint.events.append(body)
                    endpoint.keys.add(self.headers["authorization"])
                self.send_response(endpoint.answer)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    opened = Endpoint()
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", opened.host)
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "key")
    (workspace.root / "millwright.yaml").write_text(
        f"project: {P}\ndata: {{source: a.csv, target: y}}\n"
        f"lineage: {{openlineage: 'http://{opened.host}/api/v1/lineage'}}\n"
    )
    yield opened
    opened.close()


def test_what_happens_is_sent_on_once_and_in_order(
    door: Door, store: Store, endpoint: Endpoint
) -> None:
    run = create_run(door, P, NewRun(experiment="late"))
    create_run(door, "other", NewRun(experiment="others"))
    controller = OpenLineageController(store)
    controller.reconcile()
    controller.reconcile()
    end_run(door, run.id)
    OpenLineageController(store).reconcile()
    assert [one["eventType"] for one in endpoint.events] == ["START", "COMPLETE"]
    assert endpoint.keys == {"Bearer key"}


def test_what_was_not_taken_is_sent_later(door: Door, store: Store, endpoint: Endpoint) -> None:
    create_run(door, P, NewRun(experiment="late"))
    endpoint.answer = 503
    controller = OpenLineageController(store)
    controller.reconcile()
    endpoint.answer = 201
    controller.reconcile()
    assert endpoint.events == [], "it waits before it tries again"
    OpenLineageController(store).reconcile()
    assert [one["eventType"] for one in endpoint.events] == ["START"]


def test_what_is_refused_for_good_does_not_block_the_rest(
    door: Door, store: Store, endpoint: Endpoint
) -> None:
    create_run(door, P, NewRun(experiment="first"))
    endpoint.answer = 422
    controller = OpenLineageController(store)
    controller.reconcile()
    endpoint.answer = 201
    create_run(door, P, NewRun(experiment="second"))
    controller.reconcile()
    assert [one["job"]["name"] for one in endpoint.events] == ["second"]


def test_the_command_writes_one_event_per_line(
    door: Door, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(workspace.root)
    end_run(door, create_run(door, P, NewRun(experiment="late")).id)
    written = tmp_path / "events.ndjson"
    done = CliRunner().invoke(
        cli, ["export", "openlineage", "--project", P, "--output", str(written)]
    )
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in written.read_text().splitlines()]
    assert lines == told(door)


PROGRAM = """
import sys
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    Dataset, DatasetEvent, InputDataset, Job, JobEvent, OutputDataset, Run, RunEvent, RunState,
)
from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields
from openlineage.client.transport.http import HttpConfig, HttpTransport
from openlineage.client.uuid import generate_new_uuid

client = OpenLineageClient(transport=HttpTransport(HttpConfig(url=sys.argv[1])))
run = Run(runId=str(generate_new_uuid()))
job = Job(namespace="airflow", name="nightly.load")
for state in (RunState.START, RunState.COMPLETE):
    client.emit(RunEvent(
        eventType=state, eventTime="2026-01-02T03:04:05Z", run=run, job=job,
        producer="https://example.org/etl",
        inputs=[InputDataset(namespace="postgres://db:5432", name="shop.public.orders")],
        outputs=[OutputDataset(namespace="s3://lake", name="raw/orders.parquet")],
    ))
client.emit(JobEvent(
    eventTime="2026-01-02T03:04:05Z", job=Job(namespace="dbt", name="view"),
    producer="https://example.org/etl",
    inputs=[InputDataset(namespace="s3://lake", name="raw/orders.parquet")],
))
columns = SchemaDatasetFacet(fields=[SchemaDatasetFacetFields(name="price", type="DOUBLE")])
client.emit(DatasetEvent(
    eventTime="2026-01-02T03:04:05Z", producer="https://example.org/etl",
    dataset=Dataset(namespace="s3://lake", name="raw/orders.parquet", facets={"schema": columns}),
))
client.close()
"""


@pytest.mark.slow
def test_the_official_client_needs_nothing_but_our_address(tmp_path: Path) -> None:
    if not PEER.exists():
        pytest.skip("the peer is not installed: ci/peer openlineage")
    served = serving(tmp_path)
    url, _ = next(served)
    with connect(url=url) as door:
        door.put(f"/projects/{P}", {"config": f"project: {P}\ndata: {{source: a, target: y}}\n"})
        done = subprocess.run(
            [str(PEER), "-c", PROGRAM, url], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        graph = get_lineage(door, P, "external-job:" + job_of(door))
    next(served, None)
    assert {node.label for node in graph.nodes} >= {"shop.public.orders", "raw/orders.parquet"}
    assert "view" in {node.label for node in graph.nodes}
    assert "price DOUBLE" in {node.details.get("columns") for node in graph.nodes}


def job_of(door: Door) -> str:
    (first, *_) = door.get("/events", kind="lineage.received")
    return str(first["subject"]).partition(":")[2]


READING = """
import json, sys
from openlineage.client import event_v2
from openlineage.client.generated import (
    base, dataset_version_dataset, error_message_run, parent_run, processing_engine_run,
)
known = {
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "parent": parent_run.ParentRunFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
}
seen = set()
def facets(given):
    for name, facet in given.items():
        content = {key: value for key, value in facet.items() if not key.startswith("_")}
        if name in known:
            assert known[name]._get_schema().split("/")[-1] == facet["_schemaURL"].split("/")[-1]
            if name == "parent":
                content["run"] = parent_run.Run(**content["run"])
                content["job"] = parent_run.Job(**content["job"])
            known[name](**content)
            seen.add(name)
    return {}
for one in json.load(sys.stdin):
    run, job = dict(one.pop("run")), dict(one.pop("job"))
    run["facets"], job["facets"] = facets(run["facets"]), facets(job["facets"])
    sides = {}
    for side, kind in (("inputs", event_v2.InputDataset), ("outputs", event_v2.OutputDataset)):
        sides[side] = [kind(**{**each, "facets": facets(each["facets"])}) for each in one.pop(side)]
    one.pop("schemaURL")
    one["eventType"] = event_v2.RunState[one["eventType"]]
    event_v2.RunEvent(run=event_v2.Run(**run), job=event_v2.Job(**job), **sides, **one)
print(*sorted(seen))
"""


@pytest.mark.slow
def test_our_events_are_what_the_official_classes_made_of_the_schema_take(door: Door) -> None:
    if not PEER.exists():
        pytest.skip("the peer is not installed: ci/peer openlineage")
    table = snapshot(door, P, "orders", pa.table({"x": [1.0]}), "orders.csv")
    run = create_run(door, P, NewRun(experiment="late", inputs=(table.id,)))
    child = create_run(door, P, NewRun(experiment="late-trials", parent=run.id))
    end_run(door, child.id, "failed", error="It broke.")
    end_run(door, run.id)
    done = subprocess.run(
        [str(PEER), "-c", READING],
        input=json.dumps(told(door)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["errorMessage", "parent", "processing_engine", "version"]
