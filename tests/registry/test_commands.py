"""``mw models`` for a person and for a program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from millwright.evaluation import GateResult
from millwright.kernel.door import connect
from millwright.kernel.errors import Conflict, InvalidInput
from millwright.kernel.model_package import EncodedColumn, Encoding, Field, Manifest
from millwright.kernel.objects import digest_of
from millwright.kernel.workspace import Workspace
from millwright.registry import register
from millwright.registry.commands import models


@pytest.fixture
def registered(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "project: own\ndata: {source: x.csv, target: y}\n"
    (workspace.root / "millwright.yaml").write_text(text)
    monkeypatch.chdir(workspace.root)
    gate = GateResult(
        metric="roc_auc", value=0.6, min=0.7, max=None, passed=False, reason="roc_auc is 0.6."
    )
    with connect(workspace) as door:
        for number, gates in ((1, ()), (2, (gate,))):
            folder = tmp_path / f"package-{number}"
            folder.mkdir()
            files = {"model.onnx": b"%d" % number, "card.md": b"# late", "card.html": b"<p>late"}
            for name, content in files.items():
                (folder / name).write_bytes(content)
            manifest = Manifest(
                model="late",
                task="binary",
                classes=("no", "yes"),
                family="lightgbm",
                signature=(Field(name="x", kind="numeric"),),
                encoding=Encoding(columns=(EncodedColumn(field="x", how="number"),)),
                parity=0.0,
                digests={name: digest_of(content) for name, content in files.items()},
                created_at="2013-04-01T00:00:00.000Z",
            )
            (folder / "manifest.json").write_text(manifest.model_dump_json())
            register(door, "own", "late", folder, gates=gates, metrics={"roc_auc": 0.6})


def call(*arguments: str) -> str:
    result = CliRunner().invoke(models, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_models_and_versions_are_shown(registered: None) -> None:
    assert "late" in call("list")
    (model,) = json.loads(call("list", "--json"))
    assert (model["name"], model["versions"]) == ("late", 2)
    assert "rejected" in call("show", "late")
    assert json.loads(call("show", "late", "2", "--json"))["status"] == "rejected"
    shown = call("show", "late", "2")
    assert "FAIL  roc_auc is 0.6." in shown


def test_aliases_move_and_go(registered: None) -> None:
    assert "late@champion points to version 1" in call("alias", "late", "champion", "1")
    with pytest.raises(Conflict, match="cannot become champion"):
        call("alias", "late", "champion", "2")
    read = call("alias", "late", "champion", "2", "--override", "--reason", "tried", "--json")
    assert json.loads(read)["version"] == 2
    assert "is gone" in call("alias", "late", "champion", "--remove")
    with pytest.raises(InvalidInput, match="either a version"):
        call("alias", "late", "champion")


def test_the_card_is_printed_or_written(registered: None, tmp_path: Path) -> None:
    assert call("card", "late", "1") == "# late\n"
    target = tmp_path / "card.html"
    call("card", "late", "1", "--html", "--output", str(target))
    assert target.read_text() == "<p>late"
    assert json.loads(call("card", "late", "1", "--json")) == {"card": "# late"}
