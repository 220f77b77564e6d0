"""Models, versions and aliases through the one door."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from millwright.evaluation import GateResult
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, Corrupt, InvalidInput, NotFound
from millwright.kernel.model_package import EncodedColumn, Encoding, Field, Manifest
from millwright.kernel.objects import digest_of
from millwright.registry import (
    ModelVersion,
    evaluation,
    fetch,
    get_model,
    get_version,
    list_models,
    register,
    remove_alias,
    set_alias,
)
from millwright.tracking import NewRun, create_run

P = "flights"


def gate(metric: str, passed: bool) -> GateResult:
    return GateResult(
        metric=metric, value=0.6, min=0.7, max=None, passed=passed, reason=f"{metric} is 0.6."
    )


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return write_package(tmp_path / "package")


def write_package(folder: Path, model: str = "late", content: bytes = b"onnx") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    files = {"model.onnx": content, "card.html": b"<h1>late</h1>", "card.md": b"# late"}
    for name, part in files.items():
        (folder / name).write_bytes(part)
    manifest = Manifest(
        model=model,
        task="binary",
        classes=("no", "yes"),
        family="lightgbm",
        signature=(Field(name="x", kind="numeric"),),
        encoding=Encoding(columns=(EncodedColumn(field="x", how="number"),)),
        parity=1e-7,
        digests={name: digest_of(part) for name, part in files.items()},
        created_at="2013-04-01T00:00:00.000Z",
    )
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return folder


def versions(door: Door, tmp_path: Path, count: int, **options: Any) -> list[ModelVersion]:
    return [
        register(door, P, "late", write_package(tmp_path / f"p{i}", content=b"%d" % i), **options)
        for i in range(count)
    ]


def test_a_version_keeps_what_its_package_and_run_say(door: Door, package: Path) -> None:
    run = create_run(door, P, NewRun(inputs=("d1",)))
    made = register(
        door,
        P,
        "late",
        package,
        run=run.id,
        dataset="d1",
        metrics={"roc_auc": 0.71, "odd": float("nan")},
        gates=[gate("roc_auc", True)],
        evaluation=b'{"rows": 10}',
        description="first",
    )
    assert (made.version, made.status, made.run, made.dataset) == (1, "validated", run.id, "d1")
    assert made.classes == ("no", "yes")
    assert made.signature == (Field(name="x", kind="numeric"),)
    assert made.metrics["roc_auc"] == 0.71
    assert made.metrics["odd"] != made.metrics["odd"]
    assert evaluation(door, P, "late", 1) == b'{"rows": 10}'
    assert get_version(door, P, "late", 1).model_dump_json() == made.model_dump_json()
    answer = door.get(f"/projects/{P}/models/late/versions/1/evaluation")
    assert answer == {"rows": 10}


def test_lineage_leads_from_data_through_the_run_to_the_version(door: Door, package: Path) -> None:
    run = create_run(door, P, NewRun(name="search", inputs=("d1",)))
    made = register(door, P, "late", package, run=run.id, dataset="d1")
    node = f"model-version:{made.id}"
    graph = door.get(f"/projects/{P}/lineage", node=node)
    pairs = {(edge["source"], edge["target"]) for edge in graph["edges"]}
    me = f"run:{run.id}"
    assert pairs == {("dataset:d1", me), (me, node), ("dataset:d1", node)}
    named = {one["id"]: (one["label"], one["href"]) for one in graph["nodes"]}
    assert named[node] == ("late v1", "/models/late/1")
    assert named[me] == ("search", f"/runs/{run.id}")


def test_registering_the_same_package_for_the_same_run_again_is_one_version(
    door: Door, package: Path
) -> None:
    first = register(door, P, "late", package, run="r1")
    assert register(door, P, "late", package, run="r1") == first
    assert register(door, P, "late", package, run="r2").version == 2


def test_a_package_of_another_model_is_refused(door: Door, package: Path) -> None:
    with pytest.raises(InvalidInput, match="is of the model 'late'"):
        register(door, P, "early", package)


def test_a_damaged_package_is_not_registered(door: Door, package: Path) -> None:
    (package / "model.onnx").write_bytes(b"other")
    with pytest.raises(Corrupt):
        register(door, P, "late", package)
    assert list_models(door, P) == []


def test_bytes_that_were_never_uploaded_cannot_be_registered(door: Door, package: Path) -> None:
    with pytest.raises(NotFound):
        door.post(f"/projects/{P}/models/late/versions", {"manifest": "0" * 64})
    manifest = door.upload(P, (package / "manifest.json").read_bytes())
    with pytest.raises(NotFound):
        door.post(f"/projects/{P}/models/late/versions", {"manifest": manifest})
    other = door.upload(P, b"{}")
    with pytest.raises(InvalidInput, match="not the manifest"):
        door.post(f"/projects/{P}/models/late/versions", {"manifest": other})


def test_what_does_not_exist_is_named(door: Door, package: Path) -> None:
    with pytest.raises(NotFound, match="no model named 'nope'"):
        get_model(door, P, "nope")
    with pytest.raises(NotFound, match="no model named 'nope'"):
        get_version(door, P, "nope", "champion")
    register(door, P, "late", package)
    with pytest.raises(NotFound, match="no version 9"):
        get_version(door, P, "late", 9)
    with pytest.raises(NotFound, match="no alias 'champion'"):
        get_version(door, P, "late", "champion")
    with pytest.raises(NotFound, match="no file named"):
        door.download(f"/projects/{P}/models/late/versions/1/artifacts/..secret")
    with pytest.raises(NotFound, match=r"no file named 'evaluation\.json'"):
        evaluation(door, P, "late", 1)


def test_an_alias_moves_and_its_history_is_kept(door: Door, tmp_path: Path) -> None:
    one, two = versions(door, tmp_path, 2)
    set_alias(door, P, "late", "champion", 1)
    state = set_alias(door, P, "late", "champion", 2, expected=1, reason="better on April")
    assert (state.version, state.actor) == (2, "local")
    set_alias(door, P, "late", "champion", 2)
    assert get_version(door, P, "late", "champion").id == two.id
    assert get_version(door, P, "late", 2).aliases == ("champion",)
    detail = get_model(door, P, "late")
    assert (detail.model.aliases, detail.model.latest) == ({"champion": 2}, 2)
    assert [version.version for version in detail.versions] == [2, 1]
    events = door.get("/events", kind="model.alias-set")
    assert [(e["subject"], e["payload"]["previous"]) for e in events] == [
        (f"model-version:{one.id}", None),
        (f"model-version:{two.id}", 1),
    ]
    assert remove_alias(door, P, "late", "champion").version == 2
    with pytest.raises(NotFound):
        remove_alias(door, P, "late", "champion")


def test_an_alias_that_moved_meanwhile_is_not_moved_again(door: Door, tmp_path: Path) -> None:
    versions(door, tmp_path, 3)
    set_alias(door, P, "late", "champion", 1, expected=0)
    with pytest.raises(Conflict, match="points to version 1"):
        set_alias(door, P, "late", "champion", 2, expected=0)
    with pytest.raises(Conflict, match="version 3 was expected"):
        set_alias(door, P, "late", "champion", 2, expected=3)


def test_a_version_that_failed_a_gate_becomes_champion_only_with_a_reason(
    door: Door, tmp_path: Path
) -> None:
    gates = [gate("roc_auc", True), gate("worst_slice.roc_auc", False)]
    (made,) = versions(door, tmp_path, 1, gates=gates)
    assert made.status == "rejected"
    with pytest.raises(Conflict, match=r"failed 1 of 2 gates \(worst_slice.roc_auc\)"):
        set_alias(door, P, "late", "champion", 1)
    set_alias(door, P, "late", "challenger", 1)
    with pytest.raises(InvalidInput, match="needs a reason"):
        set_alias(door, P, "late", "champion", 1, override=True)
    set_alias(door, P, "late", "champion", 1, override=True, reason="the slice is tiny")
    (event,) = [e for e in door.get("/events", kind="model.alias-set") if e["payload"]["reason"]]
    assert event["payload"]["overridden_gates"] == ["worst_slice.roc_auc"]


@pytest.mark.parametrize("alias", ["Champion", "1", "a b", "-x", "a" * 51, "é"])
def test_hostile_aliases_are_refused(door: Door, package: Path, alias: str) -> None:
    register(door, P, "late", package)
    with pytest.raises(InvalidInput):
        set_alias(door, P, "late", alias, 1)


def test_concurrent_registrations_get_numbers_of_their_own(door: Door, tmp_path: Path) -> None:
    folders = [write_package(tmp_path / f"p{i}", content=b"%d" % i) for i in range(8)]
    threads = [
        threading.Thread(target=register, args=(door, P, "late", folder)) for folder in folders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [v.version for v in get_model(door, P, "late").versions] == list(range(8, 0, -1))


def test_a_fetched_package_is_the_registered_one(door: Door, package: Path, tmp_path: Path) -> None:
    register(door, P, "late", package)
    set_alias(door, P, "late", "champion", 1)
    target = fetch(door, P, "late", "champion", tmp_path / "deep" / "target")
    assert {f.name: f.read_bytes() for f in target.iterdir()} == {
        f.name: f.read_bytes() for f in package.iterdir()
    }
    (target / "model.onnx").write_bytes(b"changed")
    (target / "extra").write_bytes(b"?")
    fetch(door, P, "late", 1, target)
    assert (target / "model.onnx").read_bytes() == b"onnx"
    assert not (target / "extra").exists()
    assert [f.name for f in target.parent.iterdir()] == ["target"]


def test_damaged_stored_bytes_are_never_handed_out(
    door: Door, package: Path, tmp_path: Path
) -> None:
    made = register(door, P, "late", package)
    for pack in (tmp_path / ".millwright" / "objects").rglob("*.pack"):
        content = bytearray(pack.read_bytes())
        content[len(content) // 3 : len(content) // 3 + 40] = b"evil" * 10
        pack.write_bytes(content)
    assert made.digests["model.onnx"]
    with pytest.raises(Corrupt):
        fetch(door, P, "late", 1, tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_the_card_is_shown_in_a_sandbox(door: Door, package: Path) -> None:
    register(door, P, "late", package)
    answer = door._send("GET", f"/projects/{P}/models/late/versions/1/card")
    assert answer.headers["content-type"].startswith("text/html")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.content == b"<h1>late</h1>"
    assert door.download(f"/projects/{P}/models/late/versions/1/card.md") == b"# late"
    file = door._send("GET", f"/projects/{P}/models/late/versions/1/artifacts/model.onnx")
    assert file.headers["content-disposition"].startswith("attachment")
