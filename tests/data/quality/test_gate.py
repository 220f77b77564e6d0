"""A version that breaks its contract cannot feed a run, however the run asks for it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from millwright import dataset, start_run
from millwright.data import (
    Check,
    Confirmation,
    Override,
    Suite,
    check,
    confirm_checks,
    get_suite,
    get_version,
    override,
    put_suite,
    snapshot,
)
from millwright.data.storage.records import ErasureRequest
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict

GOOD = pa.table({"speed": [float(i % 40) for i in range(400)]})
BAD = pa.table({"speed": [9000.0, *[1.0] * 399]})
SLOW = Check(kind="between", columns=("speed",), arguments={"maximum": 100}, id="slow")


@pytest.fixture
def winds(door: Door) -> Door:
    snapshot(door, "p", "winds", GOOD, "")
    put_suite(door, "p", "winds", Suite(checks=(SLOW,)))
    confirm_checks(door, "p", "winds", Confirmation(checks=("slow",)))
    snapshot(door, "p", "winds", BAD, "")
    return door


def test_a_run_cannot_read_what_breaks_its_contract_though_nobody_checked_it(winds: Door) -> None:
    with start_run(project="p", door=winds):
        assert dataset("winds@1", project="p", door=winds).rows == 400
        with pytest.raises(Conflict, match=r"winds@2 breaks its contract") as refused:
            dataset("winds@2", project="p", door=winds)
    assert "mw data override winds@2" in (refused.value.hint or "")


def test_outside_a_run_it_can_be_looked_at(winds: Door) -> None:
    assert dataset("winds@2", project="p", door=winds).arrow().num_rows == 400
    assert get_version(winds, "p", "winds", 2).standing.verdict is None


def test_a_run_cannot_name_it_as_an_input_either(winds: Door) -> None:
    with start_run(project="p", door=winds), pytest.raises(Conflict):
        dataset("winds@2", project="p", door=winds)
    broken = get_version(winds, "p", "winds", 2)
    with pytest.raises(Conflict, match="winds@2"):
        start_run(project="p", door=winds, inputs=(broken.id,))


def test_somebody_with_the_right_lets_it_through(winds: Door) -> None:
    with start_run(project="p", door=winds):
        with pytest.raises(Conflict):
            dataset("winds@2", project="p", door=winds)
        override(winds, "p", "winds", 2, Override(reason="the sensor was replaced"))
        assert dataset("winds@2", project="p", door=winds).rows == 400


def test_broken_rows_are_a_dataset_of_their_own_with_the_reasons(winds: Door) -> None:
    found = check(winds, "p", "winds", 2)
    assert found.kept_as == "winds.quarantine@1"
    rows = dataset(found.kept_as, project="p", door=winds).arrow().to_pylist()
    assert rows == [{"broken_row": 1, "broken_checks": ["slow"], "speed": 9000.0}]
    version = get_version(winds, "p", "winds.quarantine")
    assert (version.source, version.message) == (
        "winds@2",
        "Rows of winds@2 that break its checks.",
    )
    assert get_suite(winds, "p", "winds.quarantine").number == 0
    # The same rows again are the same version.
    assert check(winds, "p", "winds", 2).kept_as == found.kept_as
    # Every arrow is an edge: from the broken rows one finds the version that they are of.
    came_of = winds.get("/projects/p/lineage", node=f"dataset:{version.id}", direction="up")
    source = get_version(winds, "p", "winds", 2).id
    assert f"dataset:{source}" in str(came_of)


def test_erasing_rows_erases_them_among_the_broken_ones_too(winds: Door) -> None:
    check(winds, "p", "winds", 2)
    request = {
        "dataset": "winds",
        "rows": {"speed": "9000"},
        "reason": "asked for",
        "dry_run": False,
    }
    winds.post("/projects/p/storage/erasures", ErasureRequest.model_validate(request))
    assert get_version(winds, "p", "winds.quarantine").rows == 0
    assert get_version(winds, "p", "winds", 2).rows == 399
    (tombstone,) = winds.get("/projects/p/datasets/winds/tombstones")
    assert (tombstone["version"], tombstone["rows"], tombstone["reason"]) == (2, 1, "asked for")
