"""A version that fails on some rows costs only its own callers, and its failures are on record."""

from __future__ import annotations

import pyarrow as pa

from odd_variants import FAR, make_fragile


def test_a_failing_challenger_fails_only_its_own_callers_and_is_counted(
    tmp_path, start_server, make_package, one_champion, ask
):
    spool = tmp_path / "spool"
    config = one_champion(make_package(), spool)
    fragile = make_package(name="second")
    make_fragile(fragile)
    canary = {**config["variants"][0], "name": "canary", "version_id": "v2", "version": 2}
    canary["package"] = str(fragile)
    server = start_server({**config, "variants": [*config["variants"], canary]})
    statuses = {}
    for number in range(60):
        name = f"request-{number}"
        statuses[name] = server.infer(ask(distance=FAR, id=name)).status_code
    assert set(statuses.values()) == {200, 500}
    assert server.infer(ask(id="near")).status_code == 200
    server.process.terminate()
    assert server.process.wait(10) == 0
    files = sorted(spool.glob("*.arrow"))
    logged = pa.concat_tables([pa.ipc.open_file(file).read_all() for file in files])
    rows = {row["request_id"]: row for row in logged.to_pylist()}
    assert len(rows) == 61
    for name, status in statuses.items():
        row = rows[name]
        assert (row["status"] == "error") == (status == 500)
        assert (row["variant"] == "canary") == (status == 500)
        assert (row["score"] is None) == (status == 500)
        assert row["f.distance"] == FAR
