"""A graph of models as a version of the registry: registered, deployed, scored with, taken back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from millwright.deployment import service
from millwright.deployment.batch.commands import predict
from millwright.deployment.commands import deployments
from millwright.deployment.commands.deploying import deploy
from millwright.deployment.queries import find_deployment, replica_of
from millwright.deployment.records import NewDeployment
from millwright.kernel.access import Actor, Role
from millwright.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    MillwrightError,
    NotFound,
    Unavailable,
)
from millwright.kernel.lineage import walk
from millwright.kernel.serving_config import ServingConfig
from millwright.registry import service as registry
from millwright.registry.records import NewVersion

GRAPH = """
graph: pricing
nodes:
  root: {sequence: [late, price]}
  late: {model: delays@champion}
  price:
    function: steps.py:priced
    takes: {p: late.probability}
    gives: {price: numeric}
outputs: {price: price.price, late: late.label}
"""
STEPS = """
def priced(columns):
    return {"price": [10.0 + 90.0 * p for p in columns["p"]]}
"""


@pytest.fixture
def run(workspace, monkeypatch):
    (workspace.root / "millwright.yaml").write_text(
        "project: flights\ndata: {source: x.csv, target: late}\ndeployment: {graph: pricing.yaml}\n"
    )
    (workspace.root / "pricing.yaml").write_text(GRAPH)
    (workspace.root / "steps.py").write_text(STEPS)
    monkeypatch.chdir(workspace.root)

    def invoke(command, *arguments: str) -> str:
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


@pytest.fixture
def rows(workspace) -> Path:
    file = workspace.root / "rows.parquet"
    pq.write_table(pa.table({"distance": [100.0, 900.0], "carrier": ["AA", "UA"]}), file)
    return file


def test_the_project_files_graph_is_registered_and_deployed(
    run, register, store, actor, reconcile_until
):
    register(1)
    member = registry.get_version(store, "flights", "delays", str(register(2, champion=True)))
    said = json.loads(run(deploy, "--trust-code", "--json"))
    assert [(one["name"], one["version"]) for one in said["variants"]] == [("champion", 1)]
    assert said["model"] == "pricing"
    again = json.loads(run(deploy, "pricing.yaml", "--trust-code", "--json"))
    assert again["revision"] == said["revision"]
    version = registry.get_version(store, "flights", "pricing", "1")
    assert (version.family, [one.name for one in version.signature]) == (
        "graph",
        ["distance", "carrier"],
    )
    assert {"graph.json", "steps.py", "late/manifest.json", "late/model.onnx"} == set(
        version.digests
    )
    with store.read() as connection:
        node = f"model-version:{version.id}"
        edges = walk(connection, "flights", [node], direction="up", depth=1).edges
    assert f"model-version:{member.id}" in {one.source for one in edges}
    deployment = service.deploy(
        store,
        actor,
        "flights",
        "flights",
        NewDeployment(model="pricing", version=1, serving=ServingConfig(trust_code=True)),
    )
    reconcile_until(
        lambda: (seen := replica_of(store, deployment.id)) is not None and seen.state == "ready"
    )
    seen = replica_of(store, deployment.id)
    assert seen is not None
    question = {
        "inputs": [
            {"name": "distance", "shape": [1], "datatype": "FP64", "data": [800.0]},
            {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["AA"]},
        ]
    }
    url = f"http://127.0.0.1:{seen.port}/v2/models/pricing/versions/1/infer"
    answer = httpx.post(url, json=question, trust_env=False).json()
    assert [one["name"] for one in answer["outputs"]] == ["price", "late"]
    assert 10.0 < answer["outputs"][0]["data"][0] < 100.0


def test_code_runs_only_where_an_administrator_says_so(
    run, register, store, reconcile_until, workspace
):
    register(1, champion=True)
    said = json.loads(run(deploy, "--json"))
    deployment = find_deployment(store, "flights", said["name"])
    reconcile_until(lambda: (seen := replica_of(store, deployment.id)) and seen.state == "failed")
    seen = replica_of(store, deployment.id)
    assert seen is not None
    assert "--trust-code" in seen.message
    operator = Actor("olga", Role.OPERATOR)
    trusted = NewDeployment(model="pricing", version=1, serving=ServingConfig(trust_code=True))
    with pytest.raises(Forbidden, match="role admin"):
        service.deploy(store, operator, "flights", said["name"], trusted)


def test_another_graph_is_the_next_version_and_goes_back_like_one(run, register, store, workspace):
    register(1, champion=True)
    register(2)
    run(deploy, "--trust-code")
    (workspace.root / "pricing.yaml").write_text(GRAPH.replace("delays@champion", "delays@2"))
    said = run(deployments, "register", "pricing.yaml")
    assert "pricing version 2 is the graph in pricing.yaml" in said
    assert json.loads(run(deployments, "register", "pricing.yaml", "--json"))["version"] == 2
    run(deployments, "canary", "flights", "--version", "2")
    assert "version 2" in run(deployments, "promote", "flights")
    assert "version 1" in run(deployments, "rollback", "flights", "--reason", "Dearer.")


def test_a_table_is_scored_by_a_graph(run, register, rows, workspace):
    register(1, champion=True)
    run(deployments, "register", "pricing.yaml", "--example", str(rows), "--trust-code")
    out = workspace.root / "priced"
    arguments = ("pricing@1", "--data", str(rows), "--out", str(out), "--keep", "distance")
    with pytest.raises(Forbidden, match="nobody has said to trust"):
        run(predict, *arguments)
    run(predict, *arguments, "--trust-code")
    found = pq.read_table(out)
    assert found.column_names == ["distance", "price", "late"]
    assert found["distance"].to_pylist() == [100.0, 900.0]
    assert all(10.0 < price < 100.0 for price in found["price"].to_pylist())


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (("delays@champion", "delays"), InvalidInput, "neither a folder beside the graph"),
        (("delays@champion", "delays@9"), NotFound, "no version 9"),
        (("delays@champion", "delays@2"), Conflict, "failed its gates"),
        (("steps.py:priced", "steps.py:prised"), InvalidInput, "no function 'prised'"),
        (("steps.py:priced", "other.py:priced"), NotFound, "no other.py"),
        (("late.probability", "late.chance"), InvalidInput, "late.chance"),
    ],
    ids=["bare", "missing", "rejected", "function", "file", "column"],
)
def test_what_is_wrong_with_a_graph_is_said_before_it_is_registered(
    run, register, workspace, change, kind, words
):
    register(1, champion=True)
    register(2, passed=False)
    (workspace.root / "pricing.yaml").write_text(GRAPH.replace(*change))
    with pytest.raises(MillwrightError, match=words) as caught:
        run(deployments, "register", "pricing.yaml")
    assert isinstance(caught.value, kind)
    with pytest.raises(InvalidInput, match="none can be chosen"):
        run(deploy, "pricing.yaml", "--version", "1")


def test_an_image_of_a_graph_holds_its_models_and_functions(run, register, workspace):
    register(1, champion=True)
    run(deployments, "register", "pricing.yaml")
    out = str(workspace.root / "image")
    to_image = ("pricing", "--version", "1", "--target", "container", "--output", out)
    with pytest.raises(Unavailable, match="nobody has said to trust"):
        run(deploy, *to_image)
    shutil.rmtree(out)
    run(deploy, *to_image, "--trust-code")
    model = Path(out) / "model"
    found = {str(one.relative_to(model)) for one in model.rglob("*") if one.is_file()}
    assert found == {
        "graph.json",
        "late/manifest.json",
        "late/model.onnx",
        "manifest.json",
        "steps.py",
    }
    assert "MILLWRIGHT_TRUST_CODE=1" in (Path(out) / "Containerfile").read_text()


def test_members_of_a_graph_are_versions_of_its_project(store, actor, register):
    register(1)
    manifest = registry.get_version(store, "flights", "delays", "1").manifest
    with pytest.raises(NotFound, match="no model version with the id"):
        registry.register_version(
            store, actor, "flights", "delays", NewVersion(manifest=manifest, members=("another",))
        )
