"""Clients that others wrote, unmodified, each in an environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CALLS = Path(__file__).parent / "clients"


@contextlib.contextmanager
def served(config: dict[str, Any], file: Path) -> Iterator[tuple[str, str]]:
    """Where a server answers HTTP and gRPC."""
    pytest.importorskip("grpc")
    file.write_text(json.dumps(config))
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "millwright.serving"),
            *("--config", str(file), "--grpc-port", "0"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MILLWRIGHT_ADMIN_TOKEN": "admin"},
    )
    assert server.stdout is not None
    grpc, http = (server.stdout.readline().split()[-1] for _ in range(2))
    yield http, grpc
    server.kill()
    server.wait()


def ask_with(peer: str, kind: str, addresses: tuple[str, str]) -> None:
    python = ROOT / ".peers" / peer / "bin" / "python"
    if not python.exists():
        pytest.skip(f"needs the client: ci/peer {peer}")
    # One process for each: two of these clients register the same messages of gRPC.
    called = subprocess.run(
        [str(python), str(CALLS / f"{peer}_client.py"), kind, *addresses],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert called.returncode == 0, called.stderr
    assert called.stdout.strip().endswith("all right")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("peer", "kind"),
    [
        ("triton", "http"),
        ("triton", "grpc"),
        ("kserve", "http"),
        ("kserve", "grpc"),
        ("mlflow", "scoring"),
    ],
)
def test_every_call_of_the_client_that_applies_works(
    peer, kind, tmp_path, make_package, one_champion
):
    with served(one_champion(make_package()), tmp_path / "config.json") as addresses:
        ask_with(peer, kind, addresses)


@pytest.mark.slow
def test_tritons_client_reads_answers_that_come_bit_by_bit(tmp_path, slowly, one_champion):
    config = one_champion(slowly, trust_code=True)
    with served(config, tmp_path / "config.json") as addresses:
        ask_with("triton", "decoupled", addresses)
