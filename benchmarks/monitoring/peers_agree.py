"""Whether the presets say what Evidently and NannyML say, column by column, on real splits.

`ci/peer evidently` and `ci/peer nannyml` once; then `python benchmarks/monitoring/peers_agree.py`.
Prints one line per split and peer: values compared, the largest difference, verdicts that differ.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from splits import SPLITS

from millwright.monitoring.comparison import compare_tables, nannyml

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
TOLERANCE = 1e-9


def peer(name: str) -> Path:
    """The Python of a peer; where it is missing: `ci/peer NAME`."""
    return ROOT / ".peers" / name / "bin" / "python"


def asked(name: str, reference: Path, current: Path) -> dict[str, Any]:
    """What a peer says of two files."""
    script = HERE / f"{name}_columns.py"
    command = [str(peer(name)), str(script), str(reference), str(current)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def difference(ours: float | None, theirs: float | None) -> float:
    """How far apart two values are, relative to the larger above 1."""
    if ours is None or theirs is None or not math.isfinite(theirs) or not math.isfinite(ours):
        same = (ours is None or not math.isfinite(ours)) == (
            theirs is None or not math.isfinite(theirs)
        )
        return 0.0 if same else math.inf
    return abs(ours - theirs) / max(1.0, abs(theirs))


def against_evidently(reference: Path, current: Path) -> tuple[int, float, list[str]]:
    theirs = asked("evidently", reference, current)
    ours = compare_tables(pq.read_table(reference), pq.read_table(current), "evidently")
    worst, differing, compared = 0.0, [], 0
    for name, said in theirs.items():
        found = ours[name]
        if said is None:
            differing += [name] if found.value is not None else []
            continue
        compared += 1
        gap = difference(found.value, said["value"])
        worst = max(worst, gap)
        if gap > TOLERANCE or found.drifted != said["drifted"] or found.method != said["method"]:
            differing.append(f"{name}: {found.method} {found.value} / {said}")
    return compared, worst, differing


def against_nannyml(reference: Path, current: Path) -> tuple[int, float, list[str]]:
    theirs = asked("nannyml", reference, current)
    left, right = pq.read_table(reference), pq.read_table(current)
    worst, differing, compared = 0.0, [], 0
    for key, said in theirs.items():
        name, method = key.split("|")
        found = nannyml.compare(name, left[name], right[name], method)  # type: ignore[arg-type]
        gaps = [difference(*pair) for pair in zip(found.chunks, said["values"], strict=True)]
        gaps.append(difference(found.threshold, said["threshold"]))
        compared += len(gaps)
        worst = max(worst, *gaps)
        if max(gaps) > TOLERANCE or list(found.alarms) != said["alarms"]:
            differing.append(f"{key}: {max(gaps):.2e} {found.threshold} / {said['threshold']}")
    return compared, worst, differing


def main(wanted: list[str]) -> int:
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, cut in SPLITS.items():
            if wanted and name not in wanted:
                continue
            paths = [Path(folder) / f"{side}.parquet" for side in ("reference", "current")]
            for path, table in zip(paths, cut(), strict=True):
                pq.write_table(table, path)
            for peer_name, check in (
                ("evidently", against_evidently),
                ("nannyml", against_nannyml),
            ):
                compared, worst, differing = check(*paths)
                failures += len(differing)
                print(
                    f"{name:28} {peer_name:10} {compared:5} values, largest difference"
                    f" {worst:.1e}, {len(differing)} differ"
                )
                for line in differing:
                    print(f"    {line}")
    print("All agree." if not failures else f"{failures} do not agree.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
