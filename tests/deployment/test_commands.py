"""`mw deploy` and `mw deployments` without a server: the same application, in this process."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from millwright.deployment.commands import deploy, deployments
from millwright.kernel.errors import Conflict, InvalidInput


@pytest.fixture
def run(workspace, monkeypatch):
    (workspace.root / "millwright.yaml").write_text(
        "project: flights\ndata: {source: x.csv, target: late}\n"
    )
    monkeypatch.chdir(workspace.root)

    def invoke(command, *arguments: str) -> str:
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


def test_deploy_records_the_desired_state_and_says_what_is_missing(run, register):
    register(1, champion=True)
    said = run(deploy)
    assert "flights  waiting" in said
    assert "delays version 1, 100% of the traffic" in said
    assert "Run: mw up" in said
    assert json.loads(run(deployments, "list", "--json"))[0]["name"] == "flights"
    assert "delays" in run(deployments, "list")
    register(2)
    assert json.loads(run(deploy, "delays", "--version", "2", "--json"))["revision"] == 2
    assert "1 → 2: promoted" in run(deployments, "show", "flights")
    assert "version 1" in run(deployments, "rollback", "flights", "--reason", "Worse.")
    assert "flights  stopped" in run(deployments, "stop", "flights")


def test_deploy_without_a_model_needs_exactly_one(run, register):
    with pytest.raises(InvalidInput, match="no model yet"):
        run(deploy)
    with pytest.raises(InvalidInput, match="not both"):
        run(deploy, "--alias", "champion", "--version", "1")
    assert "Nothing is deployed yet" in run(deployments, "list")
    register(1, champion=True)
    run(deploy)
    with pytest.raises(Conflict, match="served no version before"):
        run(deployments, "rollback", "flights")
