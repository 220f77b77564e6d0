"""`mw deploy` and `mw deployments` without a server: the same application, in this process."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from millwright.deployment.commands import deployments
from millwright.deployment.commands.deploying import deploy
from millwright.kernel.errors import Conflict, InvalidInput, NotFound


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


def test_a_version_can_be_named_with_the_model(run, register):
    register(1, champion=True)
    register(2)
    assert "delays version 2" in run(deploy, "delays@2")
    assert "delays version 1" in run(deploy, "delays@champion")
    for wrong in ("a b", "../x", "delays@", "@champion", "delays@a@b"):
        with pytest.raises(InvalidInput, match="is no name of a"):
            run(deploy, wrong)
    with pytest.raises(InvalidInput, match="is no name of an alias"):
        run(deploy, "delays", "--alias", "x y")
    with pytest.raises(InvalidInput, match="not both"):
        run(deploy, "delays@2", "--alias", "champion")
    with pytest.raises(NotFound):
        run(deploy, "delays@0")


def test_a_project_file_without_the_main_job_is_enough(run, register, workspace):
    (workspace.root / "millwright.yaml").write_text("project: flights\n")
    register(1, champion=True)
    assert "delays  waiting" in run(deploy, "delays")


def test_traffic_is_changed_by_commands(run, register):
    register(1, champion=True)
    register(2)
    register(3)
    run(deploy)
    assert "b " in run(deployments, "variant", "flights", "b", "--version", "2", "--weight", "1")
    said = run(deployments, "share", "flights", "champion=90", "b=10", "--reason", "Careful.")
    assert "version 1, 90% of the traffic" in said
    assert "follow the rewards" in run(deployments, "bandit", "flights")
    assert "follow the rewards" not in run(deployments, "bandit", "flights", "--off")
    said = run(deployments, "canary", "flights", "--version", "3", "--share", "0.5")
    assert "version 3, 50% of the traffic, 100% of requests compared" in said
    assert "b 2 (5%), canary 3 (50%)" in run(deployments, "list")
    assert "version 3" in run(deployments, "promote", "flights", "--reason", "Better.")
    view = json.loads(run(deployments, "variant", "flights", "b", "--remove", "--json"))
    assert [one["version"] for one in view["variants"]] == [3]
    with pytest.raises(InvalidInput, match="a weight, or a mirror"):
        run(deployments, "variant", "flights", "b", "--version", "2")
    with pytest.raises(InvalidInput, match="is no weight"):
        run(deployments, "share", "flights", "champion=much")


def test_settings_come_from_the_project_file_and_the_command(run, register, workspace):
    register(1, champion=True)
    (workspace.root / "millwright.yaml").write_text(
        "project: flights\ndata: {source: x.csv, target: late}\n"
        "deployment: {serving: {cache_rows: 50, guard: flag}}\n"
    )
    serving = json.loads(run(deploy, "--json"))["serving"]
    assert (serving["cache_rows"], serving["guard"]) == (50, "flag")
    serving = json.loads(run(deploy, "--set", "workers.most=3", "--json"))["serving"]
    assert (serving["cache_rows"], serving["workers"]["most"]) == (50, 3)
    with pytest.raises(InvalidInput, match="The setting guard cannot be used"):
        run(deploy, "--set", "guard=maybe")
