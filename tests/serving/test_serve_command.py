"""`mw serve`: one package in the foreground."""

from __future__ import annotations

import subprocess
import sys

import httpx


def test_a_package_folder_is_served_until_asked_to_stop(tmp_path, make_package, ask):
    package = make_package()
    spool = tmp_path / "log"
    code = "from millwright.serving.commands import serve; serve()"
    arguments = ["-c", code, str(package), "--port", "0", "--log-folder", str(spool)]
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        said = process.stdout.readline().decode()
        assert said.startswith("Serving 'delays' version 0 at http://127.0.0.1:")
        url = f"{said.split()[-1]}/v2/models/delays/infer"
        assert httpx.post(url, json=ask(), trust_env=False).status_code == 200
    finally:
        process.terminate()
    assert process.wait(10) == 0
    assert len(list(spool.glob("*.arrow"))) == 1
