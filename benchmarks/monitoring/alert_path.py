"""From a window that has drifted to the message about it: by Prometheus and Alertmanager, and without.

    python benchmarks/monitoring/alert_path.py [--rounds 3]

A control plane of its own process watches a deployment. The clock starts when the prediction that
closes a drifted window is in the spool, and stops at each webhook: the embedded one, and that of a
real Alertmanager fed by a real Prometheus (both scrape and evaluate every second; both group for one
second). Bar: one message on each path within 5 s, then one that says it is over.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from killed_monitor import Hook, watched
from killed_server import control_plane
from millwright.monitoring import list_windows
from monitoring.conftest import PROJECT
from monitoring.test_prometheus import alertmanager, prometheus

PATIENCE_SECONDS = 30.0


def main() -> None:
    """Print how long each message took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="mw-alerts-")))
        found = running.enter_context(watched(folder / "project", group_wait="1s"))
        url, _ = running.enter_context(control_plane(folder / "project"))
        outside = Hook()
        threading.Thread(target=outside.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{outside.server_address[1]}/hook"
        manager = running.enter_context(alertmanager(folder, place))
        running.enter_context(prometheus(folder, url, manager))
        found.world.traffic(0)
        while not list_windows(found.world.store, PROJECT, "flights"):
            time.sleep(0.05)  # a control plane that has just been started imports for seconds
        for number in range(rounds):
            found.world.traffic(2 * number + 1, warmer=1.5)
            fired = timed(found.hook, outside, lambda n=number: found.world.traffic(2 * n + 2))
            ended = timed(found.hook, outside, lambda n=number: found.world.traffic(2 * n + 3))
            print(
                f"round {number}: fired after {fired[0]:.1f} s embedded, {fired[1]:.1f} s by"
                f" Prometheus; over after {ended[0]:.1f} s and {ended[1]:.1f} s",
                flush=True,
            )
        for name, hook in (("embedded", found.hook), ("Prometheus", outside)):
            said = [m.get("status") or m["type"].rsplit(".", 1)[1] for m in hook.messages]
            print(f"{name}: {' '.join(said)}")


def timed(embedded: Hook, outside: Hook, cause: Callable[[], object]) -> tuple[float, float]:
    """Seconds from a cause to the next message of each."""
    counts = [len(embedded.messages), len(outside.messages)]
    cause()
    began = time.monotonic()
    took = [0.0, 0.0]
    while not all(took) and time.monotonic() - began < PATIENCE_SECONDS:
        for place, hook in enumerate((embedded, outside)):
            if not took[place] and len(hook.messages) > counts[place]:
                took[place] = time.monotonic() - began
        time.sleep(0.02)
    return took[0], took[1]


if __name__ == "__main__":
    main()
