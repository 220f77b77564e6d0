"""The whole chain from an outside table to a retraining, walked both ways, and what a wrong table
harms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

import millwright as mw
from millwright.automation.records import Cause
from millwright.automation.service import begin
from millwright.cli.main import cli
from millwright.data import snapshot
from millwright.deployment import NewDeployment, deploy
from millwright.kernel.access import SYSTEM, Actor
from millwright.kernel.door import Door
from millwright.kernel.errors import NotFound
from millwright.kernel.graph_client import get_impact, get_lineage
from millwright.kernel.model_package import EncodedColumn, Encoding, Field, Manifest
from millwright.kernel.objects import digest_of
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.monitoring.records import Latency, WindowSummary
from millwright.monitoring.window_log import write_window
from millwright.registry import register, set_alias
from millwright.tracking import FeatureSet, NewRun, create_run

P = "shop"
CONFIG = "project: shop\ndata: {source: orders.csv, target: late}\n"


def write_package(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(content)
    manifest = Manifest(
        model="late",
        task="binary",
        classes=("no", "yes"),
        family="lightgbm",
        signature=(Field(name="x", kind="numeric"),),
        encoding=Encoding(columns=(EncodedColumn(field="x", how="number"),)),
        parity=1e-7,
        digests={"model.onnx": digest_of(content)},
        created_at="2013-04-01T00:00:00.000Z",
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return folder


class Chain:
    """Two table versions, each with a run, a version that was served, and a window of it."""

    def __init__(self, store: Store, door: Door, folder: Path, actor: Actor) -> None:
        self.store, self.door, self.actor = store, door, actor
        self.tables = [
            snapshot(door, P, "orders", pa.table({"x": [float(n)], "late": ["no"]}), "orders.csv")
            for n in range(2)
        ]
        door.put(
            f"/projects/{P}/datasets/orders/versions/1/source",
            {
                "url": "s3://lake/raw/orders.parquet",
                "state": {"kind": "etag", "value": "1"},
            },
        )
        self.runs, self.versions = [], []
        for number, table in enumerate(self.tables):
            features = FeatureSet(name=P, columns=("x",), sources=(table.id,))
            new = NewRun(name=f"train-{number}", inputs=(table.id,), features=features)
            self.runs.append(create_run(door, P, new))
            package = write_package(folder / str(number), bytes([number]))
            version = register(door, P, "late", package, run=self.runs[-1].id)
            set_alias(door, P, "late", "champion", version.version)
            self.versions.append(version)
        self.deployment = deploy(store, actor, P, "late", NewDeployment(model="late", version="1"))
        deploy(store, actor, P, "late", NewDeployment(model="late", version="2"))
        self.windows = [self._window(number) for number in range(2)]
        with store.write(actor, P) as tx:
            edges = [(f"window:{self.windows[0]}", "alert:a1")]
            tx.event("alert.raised", "alert:a1", {}, edges=edges)
        cause = Cause(trigger="data_drift", reason="drift", alert_ids=("a1",))
        self.retraining = begin(store, SYSTEM, self.deployment, cause, 0, known=0)

    def _window(self, number: int) -> str:
        summary = WindowSummary(
            start_ms=number * 1000,
            end_ms=number * 1000 + 1000,
            status="closed",
            champion_version_id=self.versions[number].id,
            n=1,
            n_labelled=0,
            latency=Latency(requests=1, rows=1),
        )
        with self.store.write(self.actor, P) as tx:
            return write_window(tx, P, self.deployment.id, summary)


@pytest.fixture
def chain(workspace: Workspace, store: Store, door: Door, actor: Actor) -> Chain:
    (workspace.root / "millwright.yaml").write_text(CONFIG)
    return Chain(store, door, workspace.root, actor)


def labels(graph: Any, kind: str) -> set[str]:
    return {node.label for node in graph.nodes if node.kind == kind}


def test_the_chain_leads_from_the_outside_table_down_to_the_retraining(chain: Chain) -> None:
    graph = get_lineage(chain.door, P, "orders@1", direction="both")
    assert labels(graph, "external-dataset") == {"raw/orders.parquet"}
    assert labels(graph, "features") == {"1 features of shop"}
    assert labels(graph, "run") == {"train-0"}
    assert labels(graph, "model-version") == {"late v1"}
    assert labels(graph, "deployment") == {"late"}
    assert {node.id for node in graph.nodes if node.kind in ("window", "alert", "retraining")} == {
        f"window:{chain.windows[0]}",
        "alert:a1",
        f"retraining:{chain.retraining}",
    }


def test_and_back_up_from_the_retraining_to_just_the_table_it_goes_back_to(chain: Chain) -> None:
    graph = get_lineage(chain.door, P, f"retraining:{chain.retraining}", direction="up")
    assert labels(graph, "dataset") == {"orders@1"}
    assert labels(graph, "model-version") == {"late v1"}


def test_a_deployment_does_not_mix_what_it_served_at_different_times(chain: Chain) -> None:
    found = get_impact(chain.door, P, "orders@2")
    assert [one.label for one in found.of_kind("model-version")] == ["late v2"]
    assert [one.id for one in found.of_kind("window")] == [f"window:{chain.windows[1]}"]
    assert found.of_kind("alert") == ()
    both = get_impact(chain.door, P, "orders")
    assert both.counts["model-version"] == 2
    served = get_lineage(chain.door, P, "deployment:late")
    assert labels(served, "model-version") == {"late v1", "late v2"}


def test_what_a_retraining_makes_of_other_data_is_not_harmed(chain: Chain) -> None:
    with chain.store.write(chain.actor, P) as tx:
        edges = [(f"retraining:{chain.retraining}", "pipeline-run:next")]
        tx.event("x.y", "pipeline-run:next", {}, edges=edges)
    assert "retraining" in get_impact(chain.door, P, "orders@1").counts
    assert "pipeline-run" not in get_impact(chain.door, P, "orders@1").counts
    down = get_lineage(chain.door, P, "orders@1", direction="down")
    assert labels(down, "pipeline-run") != set()


def test_kinds_that_are_left_out_stay_connected_through(chain: Chain) -> None:
    graph = get_lineage(chain.door, P, "orders@1", direction="down", kinds=["window"])
    table, window = f"dataset:{chain.tables[0].id}", f"window:{chain.windows[0]}"
    assert [(edge.source, edge.target) for edge in graph.edges] == [(table, window)]


@pytest.mark.parametrize(
    "subject", ["late@champion", "late@2", "model-version:late@2", "deployment:late", "orders@2"]
)
def test_people_name_things_as_they_know_them(chain: Chain, subject: str) -> None:
    assert get_lineage(chain.door, P, subject).edges


def test_a_run_is_named_by_the_end_of_its_id(chain: Chain) -> None:
    run = chain.runs[0].id
    assert get_lineage(chain.door, P, f"run:{run[-10:]}").subject == (f"run:{run}",)


@pytest.mark.parametrize("subject", ["nothing", "orders@99", "late@nobody", "run:ffffffffff", ":"])
def test_what_nobody_knows_is_said_so(chain: Chain, subject: str) -> None:
    with pytest.raises(NotFound, match="Nothing in the project"):
        get_impact(chain.door, P, subject)


def test_another_project_sees_nothing_of_it(chain: Chain) -> None:
    with pytest.raises(NotFound):
        get_lineage(chain.door, "other", f"run:{chain.runs[0].id}")


@pytest.fixture
def shell(chain: Chain, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(workspace.root)
    return CliRunner()


def test_the_commands_tell_it_to_people_and_to_machines(shell: CliRunner) -> None:
    said = shell.invoke(cli, ["impact", "orders@1"]).output
    assert "If orders@1 was wrong" in said
    assert "late v1" in said
    found = json.loads(shell.invoke(cli, ["impact", "orders@1", "--json"]).output)
    assert found["counts"]["model-version"] == 1
    drawn = shell.invoke(cli, ["lineage", "late@1", "--up"]).output
    assert "orders@1" in drawn
    assert "window" not in drawn
    graph = json.loads(shell.invoke(cli, ["lineage", "orders@1", "--down", "--json"]).output)
    assert {"nodes", "edges", "truncated", "subject"} <= set(graph)


@pytest.fixture
def here(chain: Chain, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Chain:
    monkeypatch.chdir(workspace.root)
    return chain


def test_what_a_run_reads_becomes_its_input_without_being_asked(here: Chain) -> None:
    with mw.start_run(door=here.door, project=P) as run:
        mw.dataset("orders@1", project=P).arrow()
        mw.dataset("orders@1", project=P)
    graph = get_lineage(here.door, P, f"run:{run.id}", direction="up", depth=1)
    assert [edge.source for edge in graph.edges] == [f"dataset:{here.tables[0].id}"]


def test_a_child_run_comes_of_its_parent(here: Chain) -> None:
    with mw.start_run("outer", door=here.door, project=P) as outer, mw.start_run("inner") as inner:
        pass
    graph = get_lineage(here.door, P, f"run:{inner.id}", direction="up")
    assert graph.edges[0].source == f"run:{outer.id}"


def test_the_graph_works_within_its_limit_and_says_so(chain: Chain) -> None:
    with chain.store.write(chain.actor, P) as tx:
        edges = [("dataset:big", f"run:{n}") for n in range(50)]
        tx.event("x.y", "dataset:big", {}, edges=edges)
    answer = chain.door.get(f"/projects/{P}/lineage", node="dataset:big", limit=20)
    assert (len(answer["edges"]), answer["truncated"]) == (20, True)
    answer = chain.door.get(f"/projects/{P}/lineage", node="dataset:big", limit=50)
    assert (len(answer["edges"]), answer["truncated"]) == (50, False)
