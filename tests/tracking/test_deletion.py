"""Deletion that can be undone for a while, that then deletes, and what a project may use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from millwright.cli.main import cli
from millwright.data.storage.garbage import collect
from millwright.data.storage.records import GarbageRequest
from millwright.kernel import quotas
from millwright.kernel.access import Actor
from millwright.kernel.door import Door
from millwright.kernel.errors import NotFound, TooLarge
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace
from millwright.tracking import NewRun, PurgeController, create_run, get_run, log_artifact
from millwright.tracking.client import delete_run, purge_runs, restore_run

P = "shop"


@pytest.fixture
def shell(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    configure(workspace)
    monkeypatch.chdir(workspace.root)
    return CliRunner()


def configure(workspace: Workspace, more: str = "") -> str:
    text = f"project: {P}\ndata: {{source: a.csv, target: y}}\n{more}"
    (workspace.root / "millwright.yaml").write_text(text)
    return text


def test_a_deleted_run_is_gone_until_it_is_restored(shell: CliRunner, door: Door) -> None:
    run = create_run(door, P, NewRun(params={"depth": 3}))
    told = json.loads(shell.invoke(cli, ["runs", "delete", run.id[-8:], "--json"]).output)
    assert told == {"deleted": [run.id]}
    with pytest.raises(NotFound):
        get_run(door, run.id)
    assert "Restored" in shell.invoke(cli, ["runs", "restore", run.id]).output
    assert get_run(door, run.id).params == {"depth": 3}


def test_purging_removes_the_run_and_then_its_bytes(
    shell: CliRunner, door: Door, store: Store, actor: Actor
) -> None:
    run = create_run(door, P, NewRun())
    kept = log_artifact(door, P, create_run(door, P, NewRun()).id, "kept.bin", b"kept" * 1000)
    gone = log_artifact(door, P, run.id, "gone.bin", b"gone" * 1000)
    delete_run(door, run.id)
    assert purge_runs(door, P, "1d") == 0, "the time to restore it is not over"
    assert json.loads(shell.invoke(cli, ["runs", "purge", "--older-than", "0s", "--json"]).output)[
        "purged"
    ]
    with pytest.raises(NotFound):
        restore_run(door, run.id)
    # Everything here is seconds old, which the shortest grace there is would keep.
    collect(store, actor, P, GarbageRequest.model_construct(grace_seconds=-1.0, dry_run=False))
    objects = store.objects.of(P)
    assert (objects.has(gone.digest), objects.has(kept.digest)) == (False, True)


def test_the_project_file_says_for_how_long_a_run_can_be_restored(
    workspace: Workspace, door: Door, store: Store
) -> None:
    run = create_run(door, P, NewRun())
    delete_run(door, run.id)
    configure(workspace)
    PurgeController(store).reconcile()
    assert restore_run(door, run.id).id == run.id
    delete_run(door, run.id)
    configure(workspace, "retention: {deleted_runs: 0s}\n")
    PurgeController(store).reconcile()
    with pytest.raises(NotFound):
        restore_run(door, run.id)


def test_a_project_has_no_more_runs_than_its_quota(workspace: Workspace, door: Door) -> None:
    door.put(f"/projects/{P}", {"config": configure(workspace, "quotas: {runs: 2}\n")})
    runs = [create_run(door, P, NewRun()) for _ in range(2)]
    with pytest.raises(TooLarge, match="its quota 'runs' is 2") as refused:
        create_run(door, P, NewRun())
    assert refused.value.status == 413
    create_run(door, "other", NewRun())
    delete_run(door, runs[0].id)
    purge_runs(door, P, "0s")
    create_run(door, P, NewRun())


def test_a_project_stores_no_more_bytes_than_its_quota(
    workspace: Workspace, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "_SECONDS", 0.0)
    door.put(f"/projects/{P}", {"config": configure(workspace, "quotas: {bytes: 100kB}\n")})
    run = create_run(door, P, NewRun())
    with pytest.raises(TooLarge, match="its quota 'bytes' is 100kB"):
        log_artifact(door, P, run.id, "a.bin", bytes(range(256)) * 500)
    log_artifact(door, P, run.id, "a.bin", b"small")


def test_through_mlflow_too_the_quota_is_named(workspace: Workspace, door: Door) -> None:
    door.put(f"/projects/{P}", {"config": configure(workspace, "quotas: {runs: 0}\n")})
    with pytest.raises(Exception, match="its quota 'runs' is 0"):
        door.mlflow(P, "POST", "runs/create", {"experiment_id": "0"})


@pytest.mark.parametrize("wrong", ["lots", "-5GB", "1XB", "10 GB/s"])
def test_a_size_that_is_none_is_refused(workspace: Workspace, door: Door, wrong: str) -> None:
    with pytest.raises(Exception, match="it is no size"):
        door.put(
            f"/projects/{P}", {"config": configure(workspace, f"quotas: {{bytes: {wrong}}}\n")}
        )
