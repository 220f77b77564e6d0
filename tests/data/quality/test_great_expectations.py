"""Every expectation of Great Expectations means the same here: same success, same counts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from millwright.data.quality.kinds import ALIASES, KINDS
from millwright.data.quality.vocabulary import in_our_words
from millwright.kernel.errors import InvalidInput

from . import gx_agreement, gx_cases

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "gx_recorded.json").read_text())
    return found


def test_every_name_is_an_alias_and_is_tried(recorded: dict[str, Any]) -> None:
    assert set(recorded["names"]) <= set(ALIASES)
    tried = {name for name, _ in gx_cases.cases() + gx_cases.sql_cases()}
    assert tried == set(recorded["names"])


def test_every_answer_is_that_of_great_expectations(
    recorded: dict[str, Any], tmp_path: Path
) -> None:
    wanted = len(gx_cases.TABLES) * len(gx_cases.cases() + gx_cases.sql_cases())
    assert len(recorded["results"]) == wanted
    assert gx_agreement.differences(recorded, tmp_path) == []


def test_an_unknown_expectation_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'expect_column_values_to_be_between'"):
        in_our_words({"kind": "expect_column_value_to_be_between", "column": "x"})
    with pytest.raises(InvalidInput, match="Did you mean 'minimum'"):
        in_our_words({"kind": "between", "column": "x", "minmum": 3})
    with pytest.raises(InvalidInput, match="one column"):
        in_our_words({"kind": "between", "minimum": 3})


def test_aliases_name_one_kind_each() -> None:
    listed = [alias for kind in KINDS.values() for alias in kind.aliases]
    assert len(listed) == len(set(listed))


@pytest.mark.slow
def test_the_real_great_expectations_answers_as_recorded(
    recorded: dict[str, Any], tmp_path: Path
) -> None:
    python = ROOT / ".peers/great-expectations/bin/python"
    if not python.exists():
        pytest.skip("Great Expectations is not there: ci/peer great-expectations")
    ran = subprocess.run(
        [python, HERE / "gx_peer.py"], capture_output=True, text=True, timeout=170, check=True
    )
    fresh = json.loads(ran.stdout)
    assert fresh["names"] == recorded["names"]
    assert gx_agreement.differences(fresh, tmp_path) == []
    kept = {
        (r["table"], r.get("case"), r.get("sql")): (r.get("success"), r.get("unexpected_count"))
        for r in recorded["results"]
    }
    for r in fresh["results"]:
        now = (r.get("success"), r.get("unexpected_count"))
        assert kept[r["table"], r.get("case"), r.get("sql")] == now
