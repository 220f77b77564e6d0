"""How a server starts, changes what it serves, and ends; what it leaves in the prediction log."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import psutil

from millwright.kernel.model_package import EncodedColumn, Field
from watching import read_log, wait_until

ADMIN = {"authorization": "Bearer secret"}


def with_canary(config: dict, package: Path, weight: float) -> dict:
    champion = {**config["variants"][0], "weight": 1 - weight}
    canary = {
        "name": "canary",
        "package": str(package),
        "version_id": "v2",
        "version": 2,
        "weight": weight,
        "mirror": 1.0,
    }
    return {**config, "revision": 1, "variants": [champion, canary]}


def test_sigterm_flushes_the_log_and_ends_with_zero(
    tmp_path, start_server, make_package, one_champion, ask
):
    spool = tmp_path / "spool"
    server = start_server(one_champion(make_package(), spool))
    server.infer(ask(id="first", parameters={"event_time": "2013-04-01T05:15:00Z"}))
    server.infer(
        ask(distance=None, carrier=None, parameters={"prediction_ids": ["flight-7"]}, id="second")
    )
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    table = read_log(spool)
    assert table["prediction_id"].to_pylist() == ["first", "flight-7"]
    assert table["event_time"][0].as_py().isoformat() == "2013-04-01T05:15:00+00:00"
    assert table["f.distance"].to_pylist() == [100.0, None]
    assert table["f.carrier"].to_pylist() == ["AA", None]
    assert table["f.holiday"].to_pylist() == [1.0, 1.0]
    assert table["variant"].to_pylist() == ["champion"] * 2
    assert table["shadow_score"].null_count == 2
    assert all(0 < latency < 5_000_000 for latency in table["latency_us"].to_pylist())
    assert not list(spool.glob("*.tmp"))


def test_a_request_in_flight_is_answered_while_the_server_drains(
    tmp_path, start_server, make_package, one_champion, ask
):
    spool = tmp_path / "spool"
    server = start_server(one_champion(make_package(), spool))
    body = json.dumps(ask(id="late")).encode()
    head = (
        "POST /v2/models/delays/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    address = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    with socket.create_connection(address, timeout=10) as caller:
        caller.sendall(head.encode() + body[:20])
        assert server.get("/ping").status_code == 200, "the first half has been read by now"
        server.process.terminate()
        wait_until(lambda: takes_no_more(address))
        caller.sendall(body[20:])
        answer = caller.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert server.process.wait(10) == 0
    assert read_log(spool)["prediction_id"].to_pylist() == ["late"]


def takes_no_more(address: tuple[str, int]) -> bool:
    """Whether a load balancer that asks now sends its callers elsewhere."""
    try:
        ready = httpx.get(f"http://{address[0]}:{address[1]}/v2/health/ready", trust_env=False)
    except httpx.TransportError:
        return True
    return ready.status_code == 503


def test_a_segment_appears_within_a_second_of_a_request(
    tmp_path, start_server, make_package, one_champion, ask
):
    spool = tmp_path / "spool"
    server = start_server(one_champion(make_package(), spool))
    server.infer(ask())
    wait_until(lambda: list(spool.glob("*.arrow")), seconds=5)
    assert read_log(spool).num_rows == 1


def test_a_canary_gets_its_share_and_both_score_every_request(
    tmp_path, start_server, make_package, one_champion, ask
):
    spool = tmp_path / "spool"
    config = one_champion(make_package(), spool)
    server = start_server(with_canary(config, make_package(name="second", seed=2), 0.3))
    for number in range(200):
        first = server.infer(ask(parameters={"routing_key": f"customer-{number}"})).json()
        again = server.infer(ask(parameters={"routing_key": f"customer-{number}"})).json()
        assert first["parameters"] == again["parameters"], "the split is sticky"
    pinned = server.infer(ask(), "/v2/models/delays/versions/2/infer").json()
    assert pinned["parameters"] == {"variant": "canary", "version": "2"}
    assert pinned["model_version"] == "2"
    server.process.terminate()
    assert server.process.wait(10) == 0
    table = read_log(spool).slice(0, 400)
    variants = table["variant"].to_pylist()
    assert 60 < variants.count("canary") < 180
    assert table["shadow_score"].null_count == 0
    by_variant = {
        (row["version_id"], row["shadow_version_id"]): (row["score"], row["shadow_score"])
        for row in table.to_pylist()
    }
    assert by_variant["v1", "v2"] == by_variant["v2", "v1"][::-1], "the pair is the same"


def test_a_new_configuration_is_swapped_in_under_traffic_without_a_failed_request(
    tmp_path, start_server, make_package, one_champion, ask
):
    spool = tmp_path / "spool"
    config = one_champion(make_package(), spool)
    server = start_server(config)
    second = make_package(name="second", seed=2)
    stop, statuses = threading.Event(), []

    def keep_asking() -> None:
        while not stop.is_set():
            statuses.append(server.infer(ask()).status_code)

    thread = threading.Thread(target=keep_asking)
    thread.start()
    wait_until(lambda: len(statuses) > 20)
    for weight in (0.2, 0.5, 1.0):
        reply = server.infer(with_canary(config, second, weight), "/admin/config", **ADMIN)
        assert reply.status_code == 200, reply.text
        assert [v["version"] for v in reply.json()["variants"]] == [1, 2]
    assert server.infer(ask()).json()["parameters"]["variant"] == "canary"
    stop.set()
    thread.join()
    assert set(statuses) == {200}
    assert server.get("/version").json()["revision"] == 1
    server.process.terminate()
    assert server.process.wait(10) == 0
    assert read_log(spool).num_rows == len(statuses) + 1


def test_a_canary_with_an_input_of_its_own_breaks_no_caller(
    tmp_path, start_server, make_package, one_champion, ask
):
    spool = tmp_path / "spool"
    config = one_champion(make_package(), spool)
    extra = Field(name="weather", kind="numeric", nullable=False)
    column = EncodedColumn(field="weather", how="number")
    canary = make_package(name="second", fields=(extra,), columns=(column,))
    server = start_server(with_canary(config, canary, 1.0))
    without = server.infer(ask())
    assert without.json()["parameters"]["variant"] == "champion"
    request = ask()
    request["inputs"].append({"name": "weather", "shape": [1], "datatype": "FP64", "data": [3.5]})
    assert server.infer(request).json()["parameters"]["variant"] == "canary"
    pinned = server.infer(ask(), "/v2/models/delays/versions/2/infer")
    assert pinned.status_code == 400
    assert "Version 2 needs a value" in pinned.json()["error"]
    server.process.terminate()
    assert server.process.wait(10) == 0
    table = read_log(spool)
    assert table["f.weather"].to_pylist() == [None, 3.5]
    assert table["shadow_score"].null_count == 1


def test_a_bad_configuration_is_refused_and_the_old_one_serves_on(
    tmp_path, start_server, make_package, one_champion, ask
):
    package = make_package()
    config = one_champion(package)
    server = start_server(config)
    post = server.infer
    assert post(config, "/admin/config").status_code == 401
    assert post(config, "/admin/config", authorization="Bearer wrong").status_code == 401
    assert post({**config, "colour": 1}, "/admin/config", **ADMIN).status_code == 400
    assert post({**config, "variants": []}, "/admin/config", **ADMIN).status_code == 400
    assert post({**config, "deployment": "x"}, "/admin/config", **ADMIN).status_code == 409
    gone = with_canary(config, tmp_path / "gone", 0.5)
    assert post(gone, "/admin/config", **ADMIN).status_code == 404
    damaged = make_package(name="damaged")
    (damaged / "model.onnx").write_bytes(b"damaged")
    reply = post(with_canary(config, damaged, 0.5), "/admin/config", **ADMIN)
    assert reply.status_code == 500
    assert "not what was registered" in reply.json()["error"]
    assert post(ask()).status_code == 200
    assert server.get("/version").json()["revision"] == 0


def run_server(*options: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "millwright.serving", *options],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        **more,
    )


def test_an_occupied_port_is_said_in_one_sentence(tmp_path, make_package, one_champion):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(one_champion(make_package())))
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        ended = run_server("--config", str(file), "--port", str(port))
    assert ended.returncode == 6
    assert f"Port {port} on 127.0.0.1 is in use" in ended.stderr
    assert "--port 0" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_cannot_be_served_is_said_in_one_sentence(tmp_path, one_champion, make_package):
    file = tmp_path / "config.json"
    assert run_server("--config", str(file)).returncode == 3
    file.write_text("{")
    assert run_server("--config", str(file)).returncode == 2
    file.write_text(json.dumps(one_champion(tmp_path / "nothing")))
    assert run_server("--config", str(file)).returncode == 3
    file.write_text(json.dumps(one_champion(make_package())))
    environment = {k: v for k, v in os.environ.items() if k != "MILLWRIGHT_SERVING_TOKEN"}
    ended = run_server("--config", str(file), "--host", "0.0.0.0", env=environment)
    assert ended.returncode == 5
    assert "no token is set" in ended.stderr


PARENT = """
import subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, "-m", "millwright.serving", "--config", sys.argv[1], "--lifeline"],
    stdin=subprocess.PIPE, start_new_session=True,
)
print(child.pid, flush=True)
time.sleep(600)
"""


def test_a_server_ends_when_its_parent_is_killed(tmp_path, make_package, one_champion):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(one_champion(make_package())))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    lines = [parent.stdout.readline(), parent.stdout.readline()]
    child = psutil.Process(int(next(line for line in lines if line.strip().isdigit())))
    parent.kill()
    parent.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
