"""`mw serve MODEL@ALIAS`: a version of the registry without a deployment."""

from __future__ import annotations

import os
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner

from millwright.kernel.errors import NotFound
from millwright.serving.commands import serve

QUESTION = {
    "inputs": [
        {"name": "distance", "shape": [1], "datatype": "FP64", "data": [800.0]},
        {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["AA"]},
    ]
}


def test_a_registered_version_is_fetched_and_served(workspace, register, monkeypatch):
    register(1)
    register(2, champion=True)
    code = "from millwright.serving.commands import serve; serve()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "delays@champion", "--port", "0"],
        stdout=subprocess.PIPE,
        cwd=workspace.root,
        env={**os.environ, "MILLWRIGHT_PROJECT": "flights"},
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        assert said.startswith("Serving 'delays' version 2 at ")
        url = f"{said.split()[-1]}/v2/models/delays/versions/2/infer"
        assert httpx.post(url, json=QUESTION, trust_env=False).status_code == 200
    finally:
        process.terminate()
    assert process.wait(10) == 0
    monkeypatch.chdir(workspace.root)
    monkeypatch.setenv("MILLWRIGHT_PROJECT", "flights")
    with pytest.raises(NotFound, match="has no alias 'staging'"):
        CliRunner().invoke(serve, ["delays@staging"], catch_exceptions=False)
