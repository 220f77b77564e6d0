"""An erasure that a kill cut off is brought to its end, wherever it was."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from erasure_child import STEPS
from storage_bench import Bench

from millwright.data.storage import erasing, erasure_finishing, fsck, transfer_service
from millwright.data.storage.proving import Search
from millwright.data.storage.records import ErasureRequest, FsckRequest, Transfer
from millwright.kernel.access import Actor
from millwright.server.opening import open_store

Make = Callable[[str], Bench]
MARKER = b"the-secret-of-patient-4711-"
CHILD = Path(__file__).with_name("erasure_child.py")


QUICK = ("recorded", "catalogue-replaced")


@pytest.mark.parametrize(
    "step", [one if one in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in STEPS]
)
def test_an_erasure_that_was_killed_is_brought_to_its_end(
    bench: Make, tmp_path: Path, actor: Actor, step: str
) -> None:
    one = bench("here")
    one.remote(str(tmp_path / "remote"))
    secret = random.Random(99).randbytes(60_000) + MARKER
    kept = {f"kept-{n}": random.Random(n).randbytes(3_000) for n in range(5)}
    one.keep("scans", {**kept, "patient": secret})
    one.keep("scans", {**kept, "patient": secret, "note": MARKER * 40})
    one.push()
    one.place.objects.close()
    assert found_in(tmp_path)

    request = ErasureRequest(dataset="scans", path="patient", reason="asked", dry_run=False)
    command = [sys.executable, str(CHILD), str(one.place.root), step, request.model_dump_json()]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL

    store = open_store(one.place.workspace)
    try:
        reports = erasure_finishing.resume_erasures(store, actor, "p")
        if step == "written-down":
            # Nothing had been changed yet, so there is nothing to go on with.
            assert reports == []
            again = erasing.erase(store, actor, "p", request)
            assert again.still_found == ()
        else:
            assert [report.proven for report in reports] == [True]
        assert erasure_finishing.resume_erasures(store, actor, "p") == []
        request = request.model_copy(update={"path": "note"})
        assert erasing.erase(store, actor, "p", request).proven
        assert [one.proven for one in erasing.list_erasures(store, "p")] == [True, True]
        one.place.__dict__["objects"] = store.objects.of("p")
        for number in (1, 2):
            found = one.files("scans", number)
            assert {name: found[name] for name in kept} == kept
        assert fsck.check(store, actor, "p", FsckRequest()).ok
        assert fsck.check(store, actor, "p", FsckRequest(remote="origin")).ok
        transfer_service.push_versions(store, actor, "p", Transfer())
    finally:
        store.close()
    assert found_in(tmp_path) == []
    assert list((one.place.state / "erasures").iterdir()) == []


def found_in(folder: Path) -> list[str]:
    """The files below a folder that hold the marker as it is."""
    search = Search({MARKER})
    for path in folder.rglob("*"):
        if path.is_file():
            search.look_in_file(str(path), path)
    return list(search.found)
