"""What Prometheus is given is what its own tools accept, and a real one fires on it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import yaml
from click.testing import CliRunner

from millwright.kernel.config import MonitoringConfig
from millwright.monitoring import MonitorController
from millwright.monitoring.exports.commands import export
from millwright.monitoring.exports.grafana import dashboard
from millwright.monitoring.exports.prometheus import rule_tests, rules, scraping
from millwright.server.application import create_app
from monitoring.test_delivery import Receiver, drift_week, eventually, receiver

__all__ = ["receiver"]

PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
PAGE = "https://mw.example/deployments/flights?project=flights"
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is missing: apt-get install prometheus"
)


def promtool(*arguments: str, given: str | None = None) -> str:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *arguments], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_promtool
def test_rules_are_accepted_and_fire_on_what_they_are_for_only(tmp_path: Path) -> None:
    policy = MonitoringConfig()
    (tmp_path / "rules.yml").write_text(rules("flights", policy, PAGE))
    (tmp_path / "tests.yml").write_text(rule_tests("flights", policy, PAGE))
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", str(tmp_path / "rules.yml"))
    assert "SUCCESS" in promtool("test", "rules", str(tmp_path / "tests.yml"))
    (tmp_path / "prometheus.yml").write_text(
        scraping("flights", "flights", "http://127.0.0.1:1", "http://127.0.0.1:2")
        + f"rule_files: [{tmp_path / 'rules.yml'}]\n"
    )
    promtool("check", "config", str(tmp_path / "prometheus.yml"))


@needs_promtool
def test_what_is_scraped_passes_the_lint_and_says_what_the_windows_say(
    world: Any, door: Any, controller: MonitorController
) -> None:
    world.traffic(0, warmer=1.5)
    world.traffic(1)
    controller.reconcile()
    text = _metrics(world)
    promtool("check", "metrics", given=text)
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    name = 'millwright_alert_active{deployment="flights",kind="data_drift"'
    assert any(line.startswith(name) for line in lines)
    window = door.get(f"/projects/{world.project}/deployments/flights/windows")[0]
    assert float(lines['millwright_window_rows{deployment="flights"}']) == window["n"]
    for column in window["features"]:
        drift = f'{{deployment="flights",feature="{column["feature"]}"}}'
        value = float(lines[f"millwright_feature_drift_distance{drift}"])
        assert value == pytest.approx(column["value"])


def test_the_commands_write_what_the_tools_read(
    world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = world.store.workspace.root
    (root / "millwright.yaml").write_text(
        "project: flights\ndata: {source: x.csv, target: late}\n"
        "monitoring: {latency: {p95_ms: 20}, alerts: {url: https://mw.example}}\n"
    )
    monkeypatch.chdir(root)
    given = ["flights", "--json", "-o", str(tmp_path)]
    for kind, count in (("prometheus", 3), ("grafana", 1)):
        done = CliRunner().invoke(export, [kind, *given], catch_exceptions=False)
        assert len(json.loads(done.output)) == count
    text = (tmp_path / "rules.yml").read_text()
    assert "https://mw.example/deployments/flights?project=flights" in text
    assert "> 0.02" in text
    assert json.loads((tmp_path / "flights.json").read_text())["title"] == "Millwright: flights"


def test_the_dashboard_asks_only_for_what_there_is() -> None:
    found = json.loads(dashboard("flights", "flights"))
    places = [panel["gridPos"] for panel in found["panels"]]
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    recorded = yaml.safe_load(rules("flights", MonitoringConfig(), PAGE))["groups"][0]["rules"]
    names = {rule["record"] for rule in recorded}
    for panel in found["panels"]:
        for target in panel["targets"]:
            asked = target["expr"]
            assert "millwright_" in asked
            if asked.startswith("deployment:"):
                assert asked.split("{")[0] in names


def _metrics(world: Any) -> str:
    with served(world.store) as address:
        place = f"{address}/api/v1/projects/{world.project}/metrics"
        with urllib.request.urlopen(place, timeout=10) as answer:
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            return str(answer.read().decode())


@pytest.mark.slow
@pytest.mark.skipif(
    PROMETHEUS is None or ALERTMANAGER is None,
    reason="Prometheus is missing: apt-get install prometheus prometheus-alertmanager",
)
def test_a_real_prometheus_scrapes_and_its_alertmanager_sends_one_grouped_message(
    world: Any, controller: MonitorController, receiver: Receiver, tmp_path: Path
) -> None:
    with ExitStack() as running:
        server = running.enter_context(served(world.store))
        hook = f"http://127.0.0.1:{receiver.server_address[1]}/hook"
        manager = running.enter_context(alertmanager(tmp_path, hook))
        running.enter_context(prometheus(tmp_path, server, manager))
        drift_week(world)
        controller.reconcile()
        began = time.monotonic()
        eventually(lambda: len(receiver.messages) >= 1)
        assert time.monotonic() - began < 12
        first = receiver.messages[0]
        assert first["status"] == "firing"
        assert {alert["labels"]["kind"] for alert in first["alerts"]} == {"data_drift"}
        assert first["alerts"][0]["annotations"]["page"] == PAGE
        world.traffic(2)
        controller.reconcile()
        eventually(lambda: receiver.messages[-1]["status"] == "resolved")
        assert [message["status"] for message in receiver.messages] == ["firing", "resolved"]


@contextmanager
def served(store: Any) -> Iterator[str]:
    config = uvicorn.Config(create_app(store), host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@contextmanager
def alertmanager(folder: Path, hook: str) -> Iterator[str]:
    config = {
        "route": {
            "receiver": "hook",
            "group_by": ["deployment"],
            "group_wait": "1s",
            "group_interval": "1s",
        },
        "receivers": [{"name": "hook", "webhook_configs": [{"url": hook}]}],
    }
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{_free_port()}"
    command = [
        str(ALERTMANAGER),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'am'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with _process(command, f"http://{address}/-/ready"):
        yield address


@contextmanager
def prometheus(folder: Path, server: str, manager: str) -> Iterator[None]:
    fast = rules("flights", MonitoringConfig(), PAGE).replace("interval: 15s", "interval: 1s")
    (folder / "rules.yml").write_text(fast)
    config = yaml.safe_load(scraping("flights", "flights", server, None))
    config |= {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [manager]}]}]},
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{_free_port()}"
    command = [
        str(PROMETHEUS),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with _process(command, f"http://{address}/-/ready"):
        yield


@contextmanager
def _process(command: list[str], ready: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: _answers(ready))
        yield
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
        return bool(answer.status == 200)
    return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
