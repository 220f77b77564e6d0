"""A real Azure Blob service over HTTP for the tests: Azurite in a process of its own.

It comes from npm: ``ci/peer azurite``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / ".peers" / "azurite" / "node_modules/.bin/azurite-blob"
ACCOUNT = "devstoreaccount1"
# The key of this account is part of Azurite and of its documentation.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
ENVIRONMENT = {
    "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
    "AZURE_STORAGE_ACCOUNT_KEY": KEY,
}


def installed() -> bool:
    """Whether Azurite is here."""
    return PROGRAM.exists()


@contextmanager
def running() -> Iterator[str]:
    """Start a service on a free port and yield its endpoint."""
    with tempfile.TemporaryDirectory(prefix="mw-azurite-") as folder:
        options = ["--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
        child = subprocess.Popen(
            [str(PROGRAM), *options, "--disableTelemetry"],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        try:
            found = None
            while found is None:
                line = child.stdout.readline()
                assert line, "Azurite ended before it listened."
                found = re.search(r"listens on (http://\S+)", line)
            yield f"{found[1].rstrip('/')}/{ACCOUNT}"
        finally:
            child.kill()
            child.wait()


def make_container(endpoint: str, name: str) -> None:
    """Create a container, with a request signed by the account's key."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    signed = "\n".join(f"{key}:{value}" for key, value in sorted(headers.items()))
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    text = "\n".join(["PUT", *[""] * 11, signed, resource])
    seal = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(seal).decode()}"
    request = urllib.request.Request(
        f"{endpoint}/{name}?restype=container", method="PUT", headers=headers, data=b""
    )
    request.add_unredirected_header("Content-Length", "0")
    request.add_unredirected_header("Content-Type", "")
    urllib.request.urlopen(request, timeout=30).close()
