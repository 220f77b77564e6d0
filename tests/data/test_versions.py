"""Dataset versions through the door: kept once, read back whole, checked by rules."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from millwright.data import (
    Check,
    Confirmation,
    Dataset,
    Suite,
    check,
    confirm_checks,
    get_profile,
    get_version,
    list_datasets,
    list_versions,
    load,
    put_suite,
    snapshot,
)
from millwright.data.commands import data
from millwright.kernel import events
from millwright.kernel.access import Actor
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace

ROWS = pa.table({"speed": [float(i % 40) for i in range(400)], "kind": ["a", "b"] * 200})
FAST = pa.table({"speed": [9000.0, *[1.0] * 399], "kind": ["a", "b"] * 200})


def test_a_snapshot_becomes_version_one_and_reads_back_the_same(door: Door) -> None:
    version = snapshot(door, "p", "winds", ROWS, "winds.csv")
    assert (version.version, version.rows, version.name) == (1, 400, "winds")
    assert [c.kind for c in version.columns] == ["numeric", "categorical"]
    assert load(door, "p", "winds") == ROWS


def test_the_same_table_adds_no_version_and_another_one_does(door: Door) -> None:
    first = snapshot(door, "p", "winds", ROWS, "a.csv")
    again = snapshot(door, "p", "winds", pa.concat_tables([ROWS[:7], ROWS[7:]]), "b.csv")
    second = snapshot(door, "p", "winds", FAST, "c.csv")
    assert again == first
    assert second.version == 2
    assert [v.version for v in list_versions(door, "p", "winds")] == [2, 1]
    assert load(door, "p", "winds", 1) == ROWS
    assert list_datasets(door, "p")[0].latest == second


def test_a_key_stays_declared_until_another_is_or_its_columns_are_gone(door: Door) -> None:
    def keep(table: pa.Table, *key: str) -> list[str]:
        return list(snapshot(door, "p", "t", table, "", key=key).key)

    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    assert keep(table, "a") == ["a"]
    assert keep(pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})) == ["a"]
    assert keep(pa.table({"a": [1, 2], "b": ["x", "z"]}), "b") == ["b"]
    assert keep(pa.table({"a": [1, 2]})) == []


def test_returning_to_an_older_table_is_a_new_version(door: Door) -> None:
    for table in (ROWS, FAST, ROWS):
        version = snapshot(door, "p", "winds", table, "")
    assert version.version == 3


def test_projects_do_not_see_each_others_datasets(door: Door) -> None:
    snapshot(door, "p", "winds", ROWS, "")
    assert list_datasets(door, "other") == []
    with pytest.raises(NotFound):
        get_version(door, "other", "winds")


def test_rows_and_columns_are_read_from_the_object_not_from_the_client(door: Door) -> None:
    digest = door.upload("p", b"not parquet")
    with pytest.raises(InvalidInput, match="not a Parquet file"):
        door.post("/projects/p/datasets/winds/versions", {"digest": digest, "source": ""})
    with pytest.raises(InvalidInput):
        door.post("/projects/p/datasets/w/versions", {"digest": digest, "source": "", "rows": 3})
    with pytest.raises(NotFound):
        door.post("/projects/p/datasets/winds/versions", {"digest": "0" * 64, "source": ""})
    assert list_datasets(door, "p") == []


def test_secrets_in_the_address_are_not_kept(door: Door) -> None:
    version = snapshot(door, "p", "winds", ROWS, "https://host/x.csv?token=secret")
    assert version.source == "https://host/x.csv"


def test_an_unknown_dataset_or_version_is_named_with_what_exists(door: Door) -> None:
    snapshot(door, "p", "winds", ROWS, "")
    with pytest.raises(NotFound, match="Did you mean 'winds'"):
        get_version(door, "p", "wind")
    with pytest.raises(NotFound, match="versions 1 to 1"):
        get_version(door, "p", "winds", 7)


def test_the_profile_of_a_version_is_kept(door: Door) -> None:
    snapshot(door, "p", "winds", ROWS, "")
    speed, kind = get_profile(door, "p", "winds").columns
    assert (speed.minimum, speed.maximum) == (0.0, 39.0)
    assert [top.count for top in kind.top] == [200, 200]


def test_every_change_is_an_event(door: Door, store: Store) -> None:
    version = snapshot(door, "p", "winds", ROWS, "")
    confirm_checks(door, "p", "winds", Confirmation(all=True))
    check(door, "p", "winds")
    with store.read() as connection:
        kinds = [e.kind for e in events.read(connection, project="p")]
        created = events.read(connection, kind="dataset.version-created")[0]
    assert kinds == [
        "project.created",
        "dataset.version-created",
        "dataset.suite-edited",
        "dataset.checked",  # looked at before all of them are confirmed
        "dataset.checks-confirmed",
        "dataset.checked",
    ]
    assert created.subject == f"dataset:{version.id}"


def test_a_proposed_rule_warns_and_a_confirmed_rule_blocks(door: Door) -> None:
    snapshot(door, "p", "winds", ROWS, "")
    snapshot(door, "p", "winds", FAST, "")
    assert check(door, "p", "winds", 1).verdict == "passed"
    warned = check(door, "p", "winds")
    assert warned.verdict == "warned"
    assert warned.report.failures[0].examples[0].value == "9000.0"
    confirm_checks(door, "p", "winds", Confirmation(checks=("speed:between",)))
    assert check(door, "p", "winds").verdict == "blocked"
    confirm_checks(door, "p", "winds", Confirmation(checks=("speed:between",), confirmed=False))
    assert check(door, "p", "winds").verdict == "warned"


def test_confirmed_rules_survive_new_proposals(door: Door) -> None:
    snapshot(door, "p", "winds", ROWS, "")
    confirm_checks(door, "p", "winds", Confirmation(checks=("speed:between",)))
    forged = Check(id="x", kind="unique", columns=("kind",), status="confirmed")
    kept = put_suite(door, "p", "winds", Suite(checks=(forged,))).suite.checks
    assert [(r.id, r.status) for r in kept] == [("speed:between", "confirmed"), ("x", "proposed")]
    loose = kept[0].model_copy(update={"mostly": 0.1})
    with pytest.raises(Conflict, match="is confirmed"):
        put_suite(door, "p", "winds", Suite(checks=(loose,)))


def test_a_misspelt_rule_is_answered_with_the_nearest(door: Door) -> None:
    snapshot(door, "p", "winds", ROWS, "")
    with pytest.raises(NotFound, match="Did you mean 'speed:between'"):
        confirm_checks(door, "p", "winds", Confirmation(checks=("sped:between",)))
    with pytest.raises(InvalidInput, match="No check was named"):
        confirm_checks(door, "p", "winds", Confirmation())


def test_a_dataset_is_opened_by_reference_as_any_kind_of_frame(door: Door) -> None:
    snapshot(door, "p", "winds", ROWS, "")
    snapshot(door, "p", "winds", FAST, "")
    opened = Dataset(door, "p", "winds@1")
    assert opened.to_arrow() == ROWS
    pd.testing.assert_frame_equal(opened.to_pandas(), ROWS.to_pandas())
    assert opened.to_polars().shape == (400, 2)
    assert Dataset(door, "p", "winds").version.version == 2
    with pytest.raises(NotFound, match="has no version one"):
        Dataset(door, "p", "winds@one")
    with pytest.raises(InvalidInput, match="does not name a dataset version"):
        Dataset(door, "p", "winds@")


def test_millwright_dataset_opens_the_version_and_needs_the_door_no_longer(
    project_folder: Path,
) -> None:
    import millwright as mw

    _run("add", str(project_folder / "winds.csv"))
    opened = mw.dataset("winds@1")
    assert opened.to_arrow().num_rows == 400
    assert mw.dataset("winds", project="p").version == opened.version
    with pytest.raises(NotFound, match="Did you mean 'winds'"):
        mw.dataset("wnds")


@pytest.fixture
def project_folder(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    text = "project: p\ndata: {source: winds.csv, target: kind}\n"
    (workspace.root / "millwright.yaml").write_text(text)
    monkeypatch.chdir(workspace.root)
    lines = [f"{i % 40},{'ab'[i % 2]}" for i in range(400)]
    (workspace.root / "winds.csv").write_text("speed,kind\n" + "\n".join(lines) + "\n")
    return workspace.root


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(data, list(arguments), catch_exceptions=False)


@pytest.mark.usefixtures("project_folder")
def test_the_command_line_adds_shows_confirms_and_checks() -> None:
    assert "no datasets yet" in _run("list").output
    assert "winds@1: 400 rows" in _run("add", "winds.csv").output
    assert "winds@1" in _run("list").output
    assert "0 to 39, mean 19.5" in _run("show", "winds@1").output
    assert "speed is between 0 and" in _run("rules", "winds").output
    assert "1 of 7 checks" in _run("confirm", "winds", "--rule", "speed:between").output
    assert "0 failed: passed" in _run("check", "winds").output


def test_a_blocking_check_ends_with_exit_code_one(project_folder: Path) -> None:
    _run("add", "winds.csv")
    _run("confirm", "winds", "--all")
    (project_folder / "winds.csv").write_text("speed,kind\n" + "9999,a\n" * 100)
    _run("add", "winds.csv")
    result = _run("check", "winds")
    assert result.exit_code == 1
    assert "row 1: 9999" in result.output


@pytest.mark.usefixtures("project_folder")
def test_every_command_prints_json() -> None:
    _run("add", "winds.csv")
    commands = (["list"], ["add", "winds.csv"], ["show", "winds"], ["rules", "winds"])
    more = (["confirm", "winds", "--all"], ["check", "winds"])
    for command in commands + more:
        assert json.loads(_run(*command, "--json").output)


def test_versions_committed_at_the_same_time_get_different_numbers(
    store: Store, actor: Actor
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from millwright.data import service, to_parquet
    from millwright.data.records import NewVersion

    def commit(i: int) -> int:
        digest = store.objects.of("p").put(to_parquet(pa.table({"x": [i, i + 1]})))
        return service.commit_version(store, actor, "p", "d", NewVersion(digest=digest)).version

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(commit, range(12))) == list(range(1, 13))
