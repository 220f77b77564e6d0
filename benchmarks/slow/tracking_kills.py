"""Kill the control plane again and again under load: every acknowledged point must be there, once.

    python benchmarks/slow/tracking_kills.py [--kills 200]

With `MILLWRIGHT_DATABASE_URL` set it does the same on PostgreSQL.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/tracking/mlflow")]

from test_durability import killed_once  # noqa: E402

from millwright.kernel.workspace import Workspace  # noqa: E402
from millwright.server.opening import open_store  # noqa: E402
from millwright.tracking import service  # noqa: E402


def main() -> None:
    """Count what was acknowledged, what is there, and what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    kills = parser.parse_args().kills
    chance = random.Random(11)
    acknowledged = lost = twice = 0
    with tempfile.TemporaryDirectory(prefix="mw-kills-") as name:
        folder = Path(name)
        for _ in range(kills):
            run, done = killed_once(folder, chance.randrange(1, 400))
            store = open_store(Workspace(folder))
            for worker, steps in enumerate(done):
                points = service.metric_history(store, run, f"m{worker}", 100_000)
                found = [point.step for point in points]
                acknowledged += len(steps)
                lost += len(set(steps) - set(found))
                twice += len(found) - len(set(found))
            store.close()
    print(f"{kills} kills, {acknowledged} acknowledged points, {lost} lost, {twice} twice")
    sys.exit(1 if lost or twice else 0)


if __name__ == "__main__":
    main()
