"""Kills at random instants, and many writers at once: the campaigns of ``benchmarks/data``, smaller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CAMPAIGNS = Path(__file__).parents[3] / "benchmarks" / "data"


def campaign(script: str, *arguments: str) -> dict[str, Any]:
    """Run one in a process of its own, as it forks and kills."""
    hidden = ("MILLWRIGHT_URL", "MILLWRIGHT_DATABASE_URL", "MILLWRIGHT_TOKEN")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    command = [sys.executable, str(CAMPAIGNS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_kills_at_random_instants_lose_nothing_that_was_acknowledged_and_leak_nothing() -> None:
    found = campaign("crash.py", "--kills", "6", "--seed", "3")
    assert (found["lost"], found["damaged"], found["leaked"]) == (0, 0, 0)
    assert found["acknowledged"] > 0


@pytest.mark.slow
def test_sixty_kills_lose_nothing_and_leak_nothing() -> None:
    found = campaign("crash.py", "--kills", "60", "--seed", "11")
    assert (found["lost"], found["damaged"], found["leaked"]) == (0, 0, 0)
    assert found["acknowledged"] > 60


@pytest.mark.slow
@pytest.mark.parametrize(
    "where", [("--database", "sqlite"), ("--database", "postgresql"), ("--remote",)], ids=" ".join
)
def test_eight_writers_at_once_lose_no_commit(where: tuple[str, ...]) -> None:
    if "postgresql" in where:
        import postgres_server

        if postgres_server.binaries() is None:
            pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    found = campaign("concurrency.py", *where, "--commits", "20")
    assert found["kept"] == 8 * 20
    assert found["numbers_in_order"]
    assert found["failed"] == 0
