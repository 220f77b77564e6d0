"""``mw token``, as a person uses it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from millwright.kernel.workspace import Workspace
from millwright.security.commands import token


@pytest.fixture
def run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    workspace.folder()
    monkeypatch.chdir(workspace.root)
    return CliRunner()


def test_a_token_is_made_listed_and_revoked(run: CliRunner) -> None:
    assert "mw token create" in run.invoke(token, ["list"]).output
    made = run.invoke(token, ["create", "--name", "ci", "--role", "editor", "--expires-in", "90d"])
    assert made.exit_code == 0, made.output
    assert "\nmw_" in made.output
    listed = run.invoke(token, ["list"])
    assert "ci" in listed.output
    assert "active" in listed.output
    assert "mw_" not in listed.output
    assert "revoked" in run.invoke(token, ["revoke", "ci"]).output
    assert "revoked" in run.invoke(token, ["list"]).output


def test_every_answer_is_also_json(run: CliRunner) -> None:
    made = run.invoke(token, ["create", "--name", "ci", "--role", "admin", "--json"])
    assert json.loads(made.output)["token"]["role"] == "admin"
    assert json.loads(run.invoke(token, ["list", "--json"]).output)[0]["name"] == "ci"
    assert json.loads(run.invoke(token, ["revoke", "ci", "--json"]).output)["active"] is False


def test_a_name_that_cannot_be_is_explained(run: CliRunner) -> None:
    done = run.invoke(token, ["create", "--name", "../ci", "--role", "admin"])
    assert "letters, digits" in str(done.exception)


def test_a_token_is_given_roles_in_projects(run: CliRunner) -> None:
    made = run.invoke(token, ["create", "--name", "ci", "--project", "flights=editor"])
    assert "Token 'ci' (flights=editor)" in made.output
    given = run.invoke(token, ["grant", "ci", "operator", "--project", "bikes"])
    assert given.output == "Token 'ci' is operator in the project 'bikes' from now on.\n"
    assert "bikes=operator, flights=editor" in run.invoke(token, ["list"]).output
    assert "ci" in run.invoke(token, ["access", "--project", "bikes"]).output
    taken = run.invoke(token, ["withdraw", "ci", "--project", "bikes"])
    assert "is guest in the project 'bikes'" in taken.output
    assert "No token opens" in run.invoke(token, ["access", "--project", "bikes"]).output
    for wrong in (["--project", "flights"], ["--project", "flights=king"], []):
        refused = run.invoke(token, ["create", "--name", "other", *wrong])
        assert refused.exit_code == 2, wrong
