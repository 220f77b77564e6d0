"""What scores beside the answers is a process of its own: its end costs a comparison, no more."""

from __future__ import annotations

import contextlib
import os
import signal

import psutil
import pytest

from odd_variants import FAR, make_fragile, slow, variant_of
from watching import read_log, wait_until


@pytest.fixture
def program() -> str:
    """Mirroring is the same behind each program that reads sockets."""
    return "uvicorn"


def shadow_of(server) -> psutil.Process | None:
    """The process that scores beside a server's answers."""
    for one in psutil.Process(server.process.pid).children():
        with contextlib.suppress(psutil.Error):  # it ends while we look
            if "millwright.serving.shadow" in one.cmdline():
                return one
    return None


def fates(server) -> dict[str, int]:
    """What became of mirrored rows."""
    found = {}
    for line in server.get("/metrics").text.splitlines():
        if line.startswith("millwright_mirrored_rows_total{"):
            found[line.split('outcome="')[1].split('"')[0]] = int(line.split()[-1])
    return found


def test_a_killed_shadow_costs_no_answer_and_no_line_of_the_log(
    tmp_path, start_server, make_package, one_champion, ask
):
    config = one_champion(make_package(), tmp_path / "spool", trust_code=True)
    shadow = variant_of(slow(make_package(name="slow")), "slow", 2, 0.0, 1.0)
    server = start_server({**config, "variants": [*config["variants"], shadow]})
    assert server.infer(ask()).status_code == 200
    wait_until(lambda: fates(server).get("scored"))
    first = shadow_of(server)
    os.kill(first.pid, signal.SIGKILL)
    asked = 1

    def is_scored_again() -> bool:
        nonlocal asked
        assert server.infer(ask()).status_code == 200
        asked += 1
        return shadow_of(server) not in (None, first) and fates(server)["scored"] > scored

    scored = fates(server)["scored"]
    wait_until(is_scored_again)
    assert 'millwright_mirror_ends_total{model="delays"} 1' in server.get("/metrics").text
    server.process.terminate()
    assert server.process.wait(20) == 0
    rows = read_log(tmp_path / "spool").to_pylist()
    assert len(rows) == asked, "whether or not it was scored a second time, it is in the log"
    assert any(row["shadow_score"] is None for row in rows)


def test_with_nothing_to_mirror_there_is_no_second_process(
    start_server, make_package, one_champion, ask
):
    config = one_champion(make_package(), workers={"least": 1, "most": 1})
    shadow = variant_of(make_package(name="second", seed=2), "night", 2, 0.0, 1.0)
    server = start_server(config)
    assert shadow_of(server) is None

    def take(*variants: object, revision: int) -> None:
        changed = {**config, "revision": revision, "variants": [*config["variants"], *variants]}
        reply = server.infer(changed, "/admin/config", authorization="Bearer secret")
        assert reply.status_code == 200, reply.text

    take(shadow, revision=1)
    assert server.infer(ask()).status_code == 200
    wait_until(lambda: fates(server).get("scored"))
    take({**shadow, "mirror": 0.0, "weight": 1.0}, revision=2)
    wait_until(lambda: shadow_of(server) is None)
    assert server.infer(ask()).status_code == 200


def test_a_shadow_that_cannot_score_some_rows_says_so_and_scores_the_others(
    tmp_path, start_server, make_package, one_champion, ask
):
    config = one_champion(make_package(), tmp_path / "spool")
    fragile = make_package(name="second")
    make_fragile(fragile)
    shadow = variant_of(fragile, "night", 2, 0.0, 1.0)
    server = start_server({**config, "variants": [*config["variants"], shadow]})
    for number in range(10):
        assert server.infer(ask(distance=FAR if number % 2 else 100.0)).status_code == 200
    wait_until(lambda: sum(fates(server).values()) == 10)
    assert fates(server) == {"scored": 5, "failed": 5}
    server.process.terminate()
    assert server.process.wait(20) == 0
    rows = read_log(tmp_path / "spool").to_pylist()
    assert all((row["shadow_score"] is None) == (row["f.distance"] == FAR) for row in rows)
