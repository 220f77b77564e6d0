"""Pipelines and the main job done again from their record."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import csv

from millwright.automation import registered_by, train_project
from millwright.cli.main import cli
from millwright.kernel.door import connect
from millwright.kernel.errors import NotFound
from millwright.kernel.graph_client import get_lineage
from millwright.kernel.workspace import Workspace
from millwright.registry import list_models

PROJECT = """
project: loans
data: {source: loans.csv, target: paid}
training: {budget: 2s, families: [linear]}
"""
FLOW = """
import random
import millwright as mw

@mw.step
def draw(count: int) -> list[float]:
    return [random.Random(count).random() for _ in range(count)]

@mw.step
def total(numbers: list[float]) -> float:
    return sum(numbers) + {chance}

@mw.pipeline
def flow(count: int = 3) -> float:
    return total(draw(count))
"""


@pytest.fixture
def loans(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(workspace.root)
    generator = np.random.default_rng(3)
    income = generator.normal(50.0, 10.0, 400)
    paid = np.where(income + generator.normal(0, 12, 400) > 50, "yes", "no")
    table = pa.table({"income": income, "age": generator.integers(20, 70, 400), "paid": paid})
    csv.write_csv(table, workspace.root / "loans.csv")
    (workspace.root / "millwright.yaml").write_text(PROJECT)
    return workspace


def test_a_model_is_trained_again_from_the_versions_that_were_read(loans: Workspace) -> None:
    with connect(loans) as door:
        registered = registered_by(train_project(door, loans))
        (loans.root / "loans.csv").write_text("income,age,paid\n1,1,no\n2,2,yes\n")
        done = CliRunner().invoke(cli, ["reproduce", registered.run_id, "--json"])
        assert done.exit_code == 0, done.output
        told = json.loads(done.output)
        assert (told["differences"], told["same"]["artifact"] >= 5) == ([], True)
        assert list_models(door, "loans-reproduction") == []
        up = get_lineage(door, "loans", f"model-version:loans@{registered.version}", direction="up")
        kinds = {node.kind for node in up.nodes}
    assert {"dataset", "features", "run", "pipeline-run", "model-version"} <= kinds


@pytest.mark.parametrize(
    ("chance", "code"), [("0", 0), ("random.random()", 9)], ids=["pure", "dice"]
)
def test_a_pipeline_of_ones_own_runs_again_without_the_cache(
    loans: Workspace, chance: str, code: int
) -> None:
    (loans.root / "flow.py").write_text(FLOW.format(chance=chance))
    run = json.loads(CliRunner().invoke(cli, ["run", "flow.py", "--json"]).output)["run"]
    done = CliRunner().invoke(cli, ["reproduce", run, "--json"])
    told = json.loads(done.output)
    assert done.exit_code == code, told
    assert [one["name"] for one in told["differences"]] == ([] if code == 0 else ["total.result"])


def test_a_run_that_never_was_is_not_found(loans: Workspace) -> None:
    refused = CliRunner().invoke(cli, ["reproduce", "0" * 32])
    assert isinstance(refused.exception, NotFound)
