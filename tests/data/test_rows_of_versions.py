"""Rows of kept versions through the door: compared, looked at, merged."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from millwright.data import snapshot, to_parquet
from millwright.data.commands import data
from millwright.data.comparison.client import compare_versions, preview
from millwright.data.comparison.text import diff_as_text
from millwright.data.merging.client import merge_version, read_resolutions, write_conflicts
from millwright.data.merging.records import MergeRequest
from millwright.data.records import DatasetVersion, NewVersion
from millwright.kernel import events
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, NotFound
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace

FIRST = pa.table({"id": range(1, 101), "x": [float(i) for i in range(100)], "s": ["a"] * 100})


def with_x(table: pa.Table, row: int, value: float) -> pa.Table:
    values = table["x"].to_pylist()
    values[row] = value
    return table.set_column(1, "x", pa.array(values))


def keep(door: Door, table: pa.Table, **more: object) -> DatasetVersion:
    digest = door.upload("p", to_parquet(table))
    request = NewVersion.model_validate({"digest": digest, **more})
    return DatasetVersion.model_validate(door.post("/projects/p/datasets/t/versions", request))


def test_two_versions_are_compared_by_the_column_that_names_rows(door: Door) -> None:
    snapshot(door, "p", "t", FIRST, "")
    snapshot(door, "p", "t", with_x(FIRST, 4, 99.0).slice(1), "")
    found = compare_versions(door, "p", "t@1", "t@latest")
    assert (found.key, found.key_origin) == (("id",), "found")
    assert (found.added, found.removed, found.changed) == (0, 1, 1)
    assert (found.before, found.after) == ("t@1", "t@2")
    assert compare_versions(door, "p", "t@1", "t@2") == found
    text = diff_as_text(found)
    assert "0 rows added, 1 removed, 1 changed, 98 the same" in text
    assert "5    x       4.0     99.0" in text


def test_a_declared_key_is_used_and_a_given_one_goes_first(door: Door) -> None:
    keep(door, FIRST, key=["s", "id"])
    keep(door, with_x(FIRST, 4, 99.0), key=["s", "id"])
    assert compare_versions(door, "p", "t@1", "t@2").key == ("s", "id")
    by_x = compare_versions(door, "p", "t@1", "t@2", ["x"])
    assert (by_x.key_origin, by_x.added, by_x.removed) == ("given", 1, 1)
    with pytest.raises(InvalidInput, match="has no column 'y'"):
        compare_versions(door, "p", "t@1", "t@2", ["y"])
    with pytest.raises(InvalidInput, match="not versions of one dataset"):
        compare_versions(door, "p", "t@1", "other@2")
    with pytest.raises(NotFound):
        compare_versions(door, "p", "t@1", "t@9")


def test_equal_versions_are_said_to_be_equal(door: Door) -> None:
    keep(door, FIRST)
    found = compare_versions(door, "p", "t@1", "t@1")
    assert found.same
    assert diff_as_text(found) == "t@1 and t@1 hold the same 100 rows."


def test_rows_are_looked_at_from_any_offset_with_some_columns(door: Door) -> None:
    keep(door, FIRST)
    found = preview(door, "p", "t@1", offset=97, limit=10, columns=["x", "id"])
    assert found.columns == ("x", "id")
    assert found.types == ("double", "int64")
    assert found.rows == ((97.0, 98), (98.0, 99), (99.0, 100))
    assert found.total == 100
    assert preview(door, "p", "t", offset=500).rows == ()
    with pytest.raises(InvalidInput, match="Did you mean 'id'"):
        preview(door, "p", "t", columns=["idd"])


def test_a_branch_is_merged_as_a_version_with_two_parents(door: Door, store: Store) -> None:
    first = keep(door, FIRST)
    theirs = keep(door, with_x(FIRST, 4, 99.0), branch="fix", parents=[first.id])
    ours = keep(door, with_x(FIRST, 7, -1.0))
    outcome = merge_version(door, "p", "t@fix", MergeRequest())
    assert (outcome.how, outcome.rows_changed, outcome.base) == ("merged", 1, "t@1")
    assert outcome.version is not None
    assert outcome.version.parents == (ours.id, theirs.id)
    assert outcome.version.branch == "main"
    back = preview(door, "p", "t", offset=4, limit=4, columns=["x"]).rows
    assert back == ((99.0,), (5.0,), (6.0,), (-1.0,))
    assert merge_version(door, "p", "t@fix", MergeRequest()).how == "already-merged"
    with store.read() as connection:
        last = events.read(connection, kind="dataset.version-created", newest_first=True)[0]
    assert last.subject == f"dataset:{outcome.version.id}"


def test_a_branch_that_is_ahead_is_taken_whole(door: Door) -> None:
    first = keep(door, FIRST)
    ahead = keep(door, with_x(FIRST, 4, 99.0), branch="fix", parents=[first.id])
    outcome = merge_version(door, "p", "t@fix", MergeRequest())
    assert outcome.how == "fast-forward"
    assert outcome.version is not None
    assert outcome.version.digest == ahead.digest
    assert outcome.version.parents == (first.id, ahead.id)


def test_conflicts_are_filled_in_and_resolve_the_merge(door: Door, tmp_path: Path) -> None:
    first = keep(door, FIRST)
    keep(door, with_x(with_x(FIRST, 4, 99.0), 5, 98.0), branch="fix", parents=[first.id])
    keep(door, with_x(with_x(FIRST, 4, 77.0), 5, 76.0))
    outcome = merge_version(door, "p", "t@fix", MergeRequest())
    assert (outcome.how, outcome.conflicts, outcome.version) == ("conflicts", 2, None)
    path = tmp_path / "conflicts.csv"
    write_conflicts(path, outcome.unresolved)
    head, one, two = path.read_text("utf-8").splitlines()
    path.write_text(f"{head}\n{one}theirs\n{two}ours\n", "utf-8")
    resolutions = read_resolutions(path)
    done = merge_version(door, "p", "t@fix", MergeRequest(resolutions=resolutions))
    assert (done.how, done.resolved) == ("merged", 2)
    rows = preview(door, "p", "t", offset=4, limit=2, columns=["x"]).rows
    assert rows == ((99.0,), (76.0,))
    path.write_text(f"{head}\n{one}mine\n", "utf-8")
    with pytest.raises(InvalidInput, match="Line 2"):
        read_resolutions(path)


def test_versions_of_nothing_in_common_are_not_merged(door: Door) -> None:
    keep(door, FIRST)
    keep(door, FIRST.slice(1), branch="other", parents=[])
    with pytest.raises(InvalidInput, match="no common version"):
        merge_version(door, "p", "t@other", MergeRequest())


@pytest.fixture
def project_folder(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    text = "project: p\ndata: {source: winds.csv, target: kind}\n"
    (workspace.root / "millwright.yaml").write_text(text)
    monkeypatch.chdir(workspace.root)
    return workspace.root


def run(*arguments: str) -> Result:
    return CliRunner().invoke(data, list(arguments), catch_exceptions=False)


def test_the_command_line_merges_and_says_what_is_in_the_way(
    project_folder: Path, door: Door
) -> None:
    first = keep(door, FIRST)
    keep(door, with_x(FIRST, 4, 99.0), branch="fix", parents=[first.id])
    keep(door, with_x(FIRST, 4, 77.0))
    stopped = run("merge", "t@fix", "--conflicts", "c.csv")
    assert stopped.exit_code == 4
    assert "id=5, x: was 4.0, ours 77.0, theirs 99.0" in stopped.output
    assert (project_folder / "c.csv").exists()
    planned = run("merge", "t@fix", "--prefer", "theirs", "--dry-run")
    assert "Would merge t@fix into main: 1 row changed" in planned.output
    done = json.loads(run("merge", "t@fix", "--prefer", "theirs", "--json").output)
    assert (done["how"], done["version"]["version"]) == ("merged", 4)
