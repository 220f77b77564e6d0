"""Online change detectors beside river's: where both find changes, how long they take, what a value costs.

Run: python benchmarks/monitoring/change_detectors.py [--record FILE]

``--record`` writes river's answers, which the tests compare with.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = ("adwin", "page-hinkley", "ddm", "hddm-a", "hddm-w")
OPTIONS: dict[str, dict[str, float]] = {"page-hinkley": {"threshold": 5.0}}
STREAMS = 40


def stream(seed: int) -> list[float]:
    """Errors (0 or 1) whose rate changes up to twice."""
    draw = random.Random(seed)
    length, parts = draw.choice([800, 1500, 3000]), draw.randint(1, 3)
    found: list[float] = []
    for _ in range(parts):
        rate = draw.choice([0.05, 0.1, 0.2, 0.4, 0.6])
        found += [float(draw.random() < rate) for _ in range(length // parts)]
    return found


def rivers() -> dict[str, object]:
    """What river finds; runs in its own environment."""
    from river.drift import ADWIN, PageHinkley
    from river.drift.binary import DDM, HDDMA, HDDMW

    kinds = {
        "adwin": ADWIN,
        "page-hinkley": lambda: PageHinkley(threshold=5.0),
        "ddm": DDM,
        "hddm-a": HDDMA,
        "hddm-w": HDDMW,
    }
    found: dict[str, list[list[int]]] = {name: [] for name in NAMES}
    spent: dict[str, float] = {}
    for name, kind in kinds.items():
        began = time.process_time()
        for seed in range(STREAMS):
            watch, at = kind(), []
            for position, value in enumerate(stream(seed)):
                watch.update(value if name in ("adwin", "page-hinkley") else bool(value))
                if watch.drift_detected:
                    at.append(position)
            found[name].append(at)
        spent[name] = time.process_time() - began
    return {"found": found, "spent": spent}


def ours() -> dict[str, object]:
    """What Millwright finds."""
    import millwright as mw

    found: dict[str, list[list[int]]] = {name: [] for name in NAMES}
    spent: dict[str, float] = {}
    for name in NAMES:
        began = time.process_time()
        for seed in range(STREAMS):
            changes = mw.change_detector(name, **OPTIONS.get(name, {})).update(stream(seed))
            found[name].append([change.at for change in changes if change.kind == "change"])
        spent[name] = time.process_time() - began
    return {"found": found, "spent": spent}


def main() -> None:
    """Print a line for each detector."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", type=Path)
    parser.add_argument("--river", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.river:
        print(json.dumps(rivers()))
        return
    peer = HERE.parents[1] / ".peers" / "river" / "bin" / "python"
    if not peer.exists():
        sys.exit("river is not installed: run ci/peer river")
    answer = subprocess.run(
        [str(peer), __file__, "--river"], check=True, capture_output=True, text=True
    )
    theirs, mine = json.loads(answer.stdout), ours()
    if chosen.record:
        chosen.record.write_text(json.dumps(theirs["found"]) + "\n", encoding="utf-8")
    rows = sum(len(stream(seed)) for seed in range(STREAMS))
    print(f"{'detector':14} {'same first':>10} {'same all':>9} {'µs a value':>11} {'river':>6}")
    for name in NAMES:
        pairs = list(zip(theirs["found"][name], mine["found"][name], strict=True))
        first = sum(left[:1] == right[:1] for left, right in pairs)
        whole = sum(left == right for left, right in pairs)
        print(
            f"{name:14} {first:>7}/{STREAMS} {whole:>6}/{STREAMS}"
            f" {mine['spent'][name] / rows * 1e6:>11.2f} {theirs['spent'][name] / rows * 1e6:>6.2f}"
        )


if __name__ == "__main__":
    main()
