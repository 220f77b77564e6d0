"""The presets say what Evidently and NannyML themselves say, on columns of every awkward kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PEERS = [ROOT / ".peers" / name / "bin" / "python" for name in ("evidently", "nannyml")]


@pytest.mark.slow
@pytest.mark.skipif(
    not all(path.exists() for path in PEERS), reason="ci/peer evidently, ci/peer nannyml"
)
def test_the_presets_agree_with_the_peers() -> None:
    command = [sys.executable, "benchmarks/monitoring/peers_agree.py", "degenerate, few rows"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "All agree." in done.stdout, done.stdout + done.stderr
