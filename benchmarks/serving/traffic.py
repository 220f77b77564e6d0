"""What callers feel while the traffic is changed, shadowed, overloaded, and workers are killed.

One row of thirty numbers, a LightGBM classifier as ONNX, wrk beside the server on the same machine:

    python benchmarks/serving/traffic.py [changes|shadow|overload|kills …] [--seconds 60]

``changes``: 50 models swapped and 50 weights changed while 64 connections ask. ``shadow``: every
request scored again by a model that takes 50 ms, which sleeps or which computes. ``overload``: three times the
connections that the server admits, against the most it answers. ``kills``: workers killed by
``SIGKILL`` under load, and how long until all are there again.

Needs wrk (Debian: ``apt-get install wrk``) and the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import psutil
from blake3 import blake3
from throughput import TOKEN, Measured, ask, build, measure, running, wrk_script

from millwright.kernel.scoring import read_manifest

ADMIN = "admin"
CONNECTIONS = 64
SHADOW_TURNS = 7
SLEEPING = "time.sleep(0.05)"
COMPUTING = "end = time.thread_time() + 0.05\n        while time.thread_time() < end: pass"
CLASS = """
import time
import numpy as np

class Slow:
    def load(self, folder):
        pass

    def predict(self, rows):
        {work}
        return np.full((len(rows), 2), 0.5)
"""


def main() -> None:
    """Run the parts that are named, or all of them."""
    parts: dict[str, Callable[[Path, int], None]] = {
        "changes": changes,
        "shadow": shadow,
        "overload": overload,
        "kills": kills,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=", ".join(parts))
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    os.environ["MILLWRIGHT_ADMIN_TOKEN"] = ADMIN
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder / "package", "lightgbm")
        for part in options.parts or parts:
            parts[part](folder, options.seconds)


def changes(folder: Path, seconds: int) -> None:
    """Swaps and changes of weights under load."""
    other = folder / "other"
    shutil.copytree(folder / "package", other)
    script, config = wrk_script(folder), config_of(folder)
    with running(serve(folder, config)) as (_, address):
        url = f"{address}/v2/models/bench/infer"
        ask(url, script, CONNECTIONS, 2)
        steady = p99(ask(url, script, CONNECTIONS, max(5, seconds // 6))[2])
        made: list[int] = []
        changer = threading.Thread(
            target=change_often, args=(address, config, folder, seconds - 1, made)
        )
        changer.start()
        answered, rate, said = ask_all(url, script, CONNECTIONS, seconds)
        changer.join()
    print(
        f"changes: {len(made)} taken over in {seconds} s, {answered:,} answers, {failed(said)} failed,"
        f" {rate:,.0f}/s, p99 {p99(said):.2f} ms against {steady:.2f} steady"
        f" ({p99(said) / steady:.2f}x, bar 2x)"
    )


def change_often(address: str, config: dict, folder: Path, seconds: float, made: list[int]) -> None:
    """50 swaps of the champion and, between them, 50 other weights of two variants."""
    begins = time.monotonic()
    for number in range(100):
        time.sleep(max(0.0, begins + seconds * number / 100 - time.monotonic()))
        swap = number // 2
        package = folder / ("package" if swap % 2 else "other")
        first = {
            "name": "champion",
            "package": str(package),
            "version_id": f"v{swap}",
            "version": swap + 1,
            "weight": 1.0,
        }
        second = {**config["variants"][0], "name": "b", "version_id": "b", "version": 1000}
        second["weight"] = 0.5 + (number % 7)
        new = {**config, "revision": number + 1, "variants": [first, second]}
        reply = httpx.post(
            f"{address}/admin/config",
            json=new,
            headers={"authorization": f"Bearer {ADMIN}"},
            timeout=30,
            trust_env=False,
        )
        if reply.status_code == 200:
            made.append(number)


def shadow(folder: Path, seconds: int) -> None:
    """Every request scored again by a slow model, beside the answer: in turns with a server that
    mirrors nothing, so that what else the machine does meets both."""
    script = wrk_script(folder)
    lasting = max(1, seconds // 20)
    for title, work in (("sleeps", SLEEPING), ("computes", COMPUTING)):
        config = config_of(folder)
        slow = {**config["variants"][0], "name": "slow", "version_id": "s", "version": 2}
        slow |= {"package": str(slow_package(folder, work)), "weight": 0.0, "mirror": 1.0}
        shadowed = {**config, "variants": [*config["variants"], slow], "trust_code": True}
        with (
            running(serve(folder, config)) as (bare, without),
            running(serve(folder, shadowed)) as (mirroring, with_it),
        ):
            both = ((bare, without), (mirroring, with_it))
            for connections in (4, CONNECTIONS):
                seen: list[list[Measured]] = [[], []]
                for _ in range(SHADOW_TURNS):
                    for found, (server, address) in zip(seen, both, strict=True):
                        url = f"{address}/v2/models/bench/infer"
                        found.append(measure(server, url, script, connections, lasting))
                before, after = (statistics.median(one.p99_ms for one in each) for each in seen)
                cost = [statistics.median(one.cpu_us for one in each) for each in seen]
                rate = [statistics.median(one.requests_per_second for one in each) for each in seen]
                print(
                    f"shadow that {title} 50 ms, {connections} connections: p99 {after:.2f} ms"
                    f" against {before:.2f} without ({after / before - 1:+.0%}, bar +10 %),"
                    f" {cost[1]:.0f} against {cost[0]:.0f} µs of CPU, {rate[1]:,.0f}/s against"
                    f" {rate[0]:,.0f}; {fates(with_it)}",
                    flush=True,
                )


def fates(address: str) -> str:
    """What became of the rows that were mirrored."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    text = httpx.get(f"{address}/metrics", headers=headers, timeout=30, trust_env=False).text
    found = re.findall(r'mirrored_rows_total\{.*outcome="(\w+)"\} (\d+)', text)
    return ", ".join(f"{int(count):,} {outcome}" for outcome, count in found)


def overload(folder: Path, seconds: int) -> None:
    """Three times the requests that are admitted at once."""
    script = wrk_script(folder)
    config = {**config_of(folder), "max_in_flight": CONNECTIONS}
    with running(serve(folder, config)) as (_, address):
        url = f"{address}/v2/models/bench/infer"
        ask(url, script, CONNECTIONS, 2)
        _, peak, _ = ask(url, script, CONNECTIONS, max(5, seconds // 6))
        answered, _, said = ask_all(url, script, 3 * CONNECTIONS, max(5, seconds // 6))
        lasted = max(5, seconds // 6)
        good = (answered - failed(said)) / lasted
    print(
        f"overload: {good:,.0f}/s answered and {failed(said) / lasted:,.0f}/s refused at"
        f" {3 * CONNECTIONS} connections, peak {peak:,.0f}/s ({good / peak:.0%}, bar 90 %)"
    )


def kills(folder: Path, seconds: int) -> None:
    """Workers killed under load."""
    script = wrk_script(folder)
    config = {**config_of(folder), "workers": {"least": 2, "most": 2}}
    with running(serve(folder, config)) as (server, address):
        url = f"{address}/v2/models/bench/infer"
        wait_for_workers(address)
        ask(url, script, CONNECTIONS, 2)
        back: list[float] = []
        killer = threading.Thread(target=kill_often, args=(server.pid, address, seconds, back))
        killer.start()
        answered, rate, said = ask_all(url, script, CONNECTIONS, seconds)
        killer.join()
    print(
        f"kills: {len(back)} of two workers in {seconds} s, {answered:,} answers at {rate:,.0f}/s,"
        f" {failed(said)} with 5xx, {unanswered(said)} without an answer; all back after"
        f" {sorted(back)[len(back) // 2]:.2f} s (median) and {max(back):.2f} s (most, bar 2 s)"
    )


def kill_often(gateway: int, address: str, seconds: int, back: list[float]) -> None:
    """One kill every six seconds, and how long until both workers answer."""
    ends = time.monotonic() + seconds - 6
    while time.monotonic() < ends:
        began = time.monotonic()
        nursery = psutil.Process(gateway).children()[0]
        os.kill(nursery.children()[0].pid, signal.SIGKILL)
        while workers_ready(address) == 2:
            time.sleep(0.01)
        wait_for_workers(address)
        back.append(time.monotonic() - began)
        time.sleep(max(0.0, began + 6 - time.monotonic()))


def wait_for_workers(address: str) -> None:
    """Until both answer."""
    while workers_ready(address) < 2:
        time.sleep(0.02)


def workers_ready(address: str) -> int:
    """How many answer now."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    text = httpx.get(f"{address}/metrics", headers=headers, timeout=30, trust_env=False).text
    return int(re.search(r'workers\{state="ready"\} (\d+)', text)[1])  # type: ignore[index]


def slow_package(folder: Path, work: str) -> Path:
    """The package with a model of 50 ms."""
    target = folder / f"slow-{len(work)}"
    shutil.copytree(folder / "package", target, dirs_exist_ok=True)
    code = CLASS.format(work=work)
    (target / "model.py").write_text(code)
    digests = {"model.py": blake3(code.encode()).hexdigest()}
    changed = {"runtime": "python", "entry": "Slow", "digests": digests}
    manifest = read_manifest(folder / "package").model_copy(update=changed)
    (target / "manifest.json").write_text(manifest.model_dump_json())
    return target


def config_of(folder: Path) -> dict:
    """One champion, everything on."""
    champion = {
        "name": "champion",
        "package": str(folder / "package"),
        "version_id": "v",
        "version": 1,
        "weight": 1.0,
    }
    return {
        "deployment": "bench",
        "model_name": "bench",
        "spool": str(folder / "spool"),
        "variants": [champion],
    }


def serve(folder: Path, config: dict) -> list[str]:
    """The command that serves a configuration."""
    file = folder / "config.json"
    file.write_text(json.dumps(config))
    return ["-m", "millwright.serving", "--config", str(file)]


def ask_all(url: str, script: Path, connections: int, seconds: int) -> tuple[int, float, str]:
    """As ``ask``, failures included: wrk counts them."""
    return ask(url, script, connections, seconds, refuse=False)


def p99(said: str) -> float:
    """The 99th percentile that wrk reports, in milliseconds."""
    number, unit = re.search(r"\n\s+99%\s+([\d.]+)([a-z]+)", said).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def failed(said: str) -> int:
    """Answers that were not 2xx."""
    found = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return int(found[1]) if found else 0


def unanswered(said: str) -> int:
    """Requests whose connection broke or that timed out."""
    found: Sequence[str] = re.findall(r"(?:connect|read|write|timeout) (\d+)", said)
    return sum(map(int, found))


if __name__ == "__main__":
    main()
