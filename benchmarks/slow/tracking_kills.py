"""Kill the control plane again and again under eight writers: what it acknowledged is there, once.

Points, parameters, tags, batches and model versions. With ``--postgresql`` the same on a PostgreSQL
server of its own. The parts of a campaign differ by their ``--seed``.

    python benchmarks/slow/tracking_kills.py [--kills 200] [--seed 1] [--postgresql]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from killed_server import killed_once, missing_and_twice  # noqa: E402
from postgres_server import running  # noqa: E402


def main() -> None:
    """Count what was acknowledged, what is missing and what is there twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    acknowledged = lost = twice = 0
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mw-kills-")))
        if given.postgresql:
            os.environ["MILLWRIGHT_DATABASE_URL"] = held.enter_context(running())
        for number in range(given.kills):
            written = killed_once(folder, chance.randrange(1, 400))
            absent, again = missing_and_twice(folder, written)
            acknowledged, lost, twice = acknowledged + written.count, lost + absent, twice + again
            if absent or again or number % 10 == 9:
                print(
                    f"{number + 1} kills, {acknowledged} writes, {lost} lost, {twice} twice",
                    flush=True,
                )
    print(f"{given.kills} kills, {acknowledged} writes, {lost} lost, {twice} twice")
    sys.exit(1 if lost or twice else 0)


if __name__ == "__main__":
    main()
