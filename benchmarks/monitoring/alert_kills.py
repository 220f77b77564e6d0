"""Kill the monitor and the retraining controller again and again: no window, alert or retraining twice.

    python benchmarks/monitoring/alert_kills.py [--kills 50] [--seed 1]

The same weeks of traffic (as in training, warmer, labelled wrongly) go to two deployments. The
controllers of one die before the n-th statement that they send to the database; those of the other
live. In the end windows, alerts, retrainings and messages have to be the same. ``repeated`` counts
messages that came twice under one id: the process died between the receiver's answer and noting it,
which no sender can tell from a message that never arrived. The parts of a campaign differ by their
``--seed``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from killed_monitor import campaign


def main() -> None:
    """Print what a campaign found, and fail where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mw-kills-") as folder:
        found = campaign(Path(folder), given.kills, given.seed)
    print(json.dumps(found))
    sys.exit(1 if found["differences"] else 0)


if __name__ == "__main__":
    main()
