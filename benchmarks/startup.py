"""How long a person waits for ``mw --help`` and ``import millwright``.

    python benchmarks/startup.py [ROUNDS]

Each round starts a fresh interpreter. The figures are medians, with the fastest and the slowest
round beside them; the first round of each warms the disk cache and is not counted.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

HELP_LIMIT_MS = 150
IMPORT_LIMIT_MS = 100
_TIMED_IMPORT = (
    "import time; start = time.perf_counter(); import millwright; "
    "print((time.perf_counter() - start) * 1000)"
)


def help_ms() -> float:
    """Wall-clock milliseconds of the whole process ``mw --help``."""
    command = Path(sys.executable).with_name("mw")
    start = time.perf_counter()
    subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def import_ms() -> float:
    """Milliseconds that ``import millwright`` takes in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", _TIMED_IMPORT], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def report(name: str, measure: Callable[[], float], limit_ms: int, rounds: int) -> None:
    """Measure and print one line."""
    measure()
    times = sorted(measure() for _ in range(rounds))
    median = statistics.median(times)
    verdict = "within" if median < limit_ms else "OVER"
    print(
        f"{name:20} median {median:6.1f} ms   fastest {times[0]:6.1f}   slowest {times[-1]:6.1f}"
        f"   {verdict} the limit of {limit_ms} ms"
    )


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    report("mw --help", help_ms, HELP_LIMIT_MS, rounds)
    report("import millwright", import_ms, IMPORT_LIMIT_MS, rounds)
