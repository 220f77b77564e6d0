"""A version that breaks its contract feeds nothing, unless somebody with the right says why."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from millwright.data import (
    Check,
    Confirmation,
    NewCheck,
    Override,
    Suite,
    check,
    confirm_checks,
    get_suite,
    get_version,
    history_of_checks,
    override,
    put_suite,
    read_quarantine,
    snapshot,
)
from millwright.data.commands import data
from millwright.data.quality.profile_page import page
from millwright.data.quality.profile_records import TableProfile
from millwright.kernel import events
from millwright.kernel.door import Door
from millwright.kernel.errors import NotFound
from millwright.kernel.store import Store
from millwright.kernel.workspace import Workspace

GOOD = pa.table({"speed": [float(i % 40) for i in range(400)], "who": ["a@b.org", "x"] * 200})
BAD = pa.table({"speed": [9000.0, *[1.0] * 399], "who": ["a@b.org", "x"] * 200})
POSITIVE = Check(kind="satisfies", arguments={"expression": "speed < 100"}, id="slow")


def _two_versions(door: Door) -> None:
    snapshot(door, "p", "winds", GOOD, "")
    put_suite(door, "p", "winds", Suite(checks=(POSITIVE,)))
    confirm_checks(door, "p", "winds", Confirmation(all=True))
    snapshot(door, "p", "winds", BAD, "")


def test_broken_rows_are_kept_apart_and_shown_whole(door: Door) -> None:
    _two_versions(door)
    found = check(door, "p", "winds")
    assert (found.verdict, found.suite, found.report.quarantined) == ("blocked", 3, 1)
    page = read_quarantine(door, "p", "winds")
    assert page.total == 1
    assert page.rows[0] == {
        "broken_row": 1,
        "broken_checks": ["slow"],
        "speed": 9000.0,
        "who": "a@b.org",
    }
    check(door, "p", "winds", 1)
    with pytest.raises(NotFound, match="No broken rows"):
        read_quarantine(door, "p", "winds", 1)
    assert check(door, "p", "winds", 2, NewCheck(quarantine=False)).quarantine is None


def test_an_override_is_an_event_and_shown_where_the_version_is(door: Door, store: Store) -> None:
    _two_versions(door)
    with pytest.raises(NotFound, match="never checked"):
        override(door, "p", "winds", 2, Override(reason="a new sensor"))
    check(door, "p", "winds", 2)
    assert not get_version(door, "p", "winds", 2).standing.usable
    override(door, "p", "winds", 2, Override(reason="a new sensor"))
    standing = get_version(door, "p", "winds", 2).standing
    assert (standing.verdict, standing.override, standing.usable) == (
        "blocked",
        "a new sensor",
        True,
    )
    assert check(door, "p", "winds", 2).override == "a new sensor"
    with store.read() as connection:
        (told,) = events.read(connection, kind="dataset.override")
    assert told.payload["reason"] == "a new sensor"
    override(door, "p", "winds", 2, Override(reason="mended", withdrawn=True))
    assert not get_version(door, "p", "winds", 2).standing.usable


def test_confirming_all_spares_what_the_newest_version_breaks(door: Door) -> None:
    snapshot(door, "p", "winds", GOOD, "")
    snapshot(door, "p", "winds", BAD, "")
    broken = {r.check.id for r in check(door, "p", "winds").report.failures}
    assert broken == {"speed:between"}
    found = confirm_checks(door, "p", "winds", Confirmation(all=True)).suite.checks
    assert {one.id for one in found if one.status == "proposed"} == broken
    whole = Confirmation(all=True, including_broken=True)
    found = confirm_checks(door, "p", "winds", whole).suite.checks
    assert {one.status for one in found} == {"confirmed"}


def test_confirming_all_looks_first_where_nobody_has(door: Door) -> None:
    wild = pa.table({"speed": [9000.0, *(float(i % 40) for i in range(399))]})
    snapshot(door, "p", "winds", wild, "")
    found = confirm_checks(door, "p", "winds", Confirmation(all=True)).suite.checks
    assert [one.id for one in found if one.status == "proposed"] == ["speed:between"]


def test_each_edit_of_a_suite_is_kept_and_an_event(door: Door, store: Store) -> None:
    _two_versions(door)
    now = get_suite(door, "p", "winds")
    assert (now.number, now.source) == (3, "confirmed")
    first = get_suite(door, "p", "winds", 1)
    assert first.source == "inferred"
    assert len(first.suite.checks) > 3
    again = put_suite(door, "p", "winds", now.suite)
    assert again.number == 3
    with store.read() as connection:
        edits = events.read(connection, kind="dataset.suite-edited")
    assert edits[1].payload["added"] == ["slow"]


def test_a_check_has_a_history_over_the_versions(door: Door) -> None:
    _two_versions(door)
    check(door, "p", "winds", 1)
    check(door, "p", "winds", 2)
    (series,) = history_of_checks(door, "p", "winds")
    assert [(p.version, p.passed, p.failed_rows) for p in series.points] == [
        (1, True, 0),
        (2, False, 1),
    ]


def test_the_profile_tells_of_personal_data_as_text_and_as_a_page(door: Door) -> None:
    snapshot(door, "p", "winds", GOOD, "")
    profile = door.get("/projects/p/datasets/winds/versions/latest/profile")
    (personal,) = profile["personal"]
    assert (personal["column"], personal["kind"], personal["example"]) == (
        "who",
        "email",
        "a@x.xxx",
    )
    assert profile["duplicates"] == 360
    assert "a@b.org" not in json.dumps(profile)


def test_the_profile_is_a_page_that_needs_nothing_else(door: Door) -> None:
    snapshot(door, "p", "winds", GOOD.append_column("<b>", [["<script>"] * 400]), "")
    profile = TableProfile.model_validate(door.get("/projects/p/datasets/winds/versions/1/profile"))
    text = page(profile, "winds@1")
    assert "a@b.org" not in text.split("Columns")[0]
    assert "<script" not in text
    assert "http" not in text


@pytest.fixture
def project_folder(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    text = "project: p\ndata: {source: winds.csv, target: kind}\n"
    (workspace.root / "millwright.yaml").write_text(text)
    monkeypatch.chdir(workspace.root)
    lines = [f"{i % 40},{'ab'[i % 2]}" for i in range(400)]
    (workspace.root / "winds.csv").write_text("speed,kind\n" + "\n".join(lines) + "\n")
    return workspace.root


@pytest.mark.usefixtures("project_folder")
def test_the_command_line_checks_imports_and_overrides(tmp_path: Path) -> None:
    assert _run("quality", "vocabulary").output.startswith("not_null")
    _run("add", "winds.csv")
    text = _run("rules", "winds", "--yaml").output
    edited = tmp_path / "checks.yaml"
    edited.write_text(
        text + "- {kind: expect_column_max_to_be_between, column: speed, max_value: 1}\n"
    )
    assert "8 checks" in _run("apply", "winds", str(edited)).output
    suite = tmp_path / "suite.json"
    wanted = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "speed", "max_value": 3},
    }
    suite.write_text(json.dumps({"expectations": [wanted], "meta": {}}))
    assert "1 checks are translated" in _run("quality", "import", "winds", str(suite)).output
    ran = _run("check", "winds", code=0).output
    assert "are kept apart" in ran
    assert "row 5 breaks speed:between" in _run("quarantine", "winds").output
    _run("confirm", "winds", "--rule", "speed:between")
    _run("check", "winds", code=1)
    assert "no run may read it: mw data check winds@1" in _run("show", "winds").output
    assert "may feed runs" in _run("override", "winds@1", "--reason", "a test").output
    assert "may feed runs all the same: a test" in _run("show", "winds").output
    _run("check", "winds", code=0)
    page_at = tmp_path / "profile.html"
    assert "whole profile" in _run("profile", "winds", "--html", str(page_at)).output
    assert page_at.read_text().startswith("<!doctype html>")
    _run("override", "winds@1", code=2)
    _run("override", "winds@1", "--reason", "ok", code=2)


def _run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(data, list(arguments))
    assert result.exit_code == code, result.output
    return result
