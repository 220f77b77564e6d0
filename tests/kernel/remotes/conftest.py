"""The kinds of remotes that share one contract."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import azure_server
import gcs_server
import s3_server
from millwright.kernel.remotes import Remote, open_remote, parse_address
from millwright.kernel.remotes.cloud import CloudRemote
from millwright.kernel.remotes.encryption import EncryptedRemote
from millwright.kernel.remotes.folder import FolderRemote

KINDS = ("folder", "memory", "s3", "azure", "google", "encrypted", "encrypted-s3")
PART_BYTES = 5 << 20


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 with the bucket ``bucket``."""
    with s3_server.running() as endpoint:
        s3_server.make_bucket(endpoint, "bucket")
        yield endpoint


@pytest.fixture(scope="session")
def azure() -> Iterator[str]:
    """The address of an Azure Blob service with the container ``bucket``."""
    if not azure_server.installed():
        pytest.skip("Azurite is not installed: ci/peer azurite")
    with azure_server.running() as endpoint:
        azure_server.make_container(endpoint, "bucket")
        yield endpoint


@pytest.fixture(scope="session")
def google() -> Iterator[str]:
    """The address of what speaks as Google Cloud Storage does, with the bucket ``bucket``."""
    with gcs_server.running() as endpoint:
        s3_server.make_bucket(endpoint, "bucket")
        yield endpoint


_numbers = itertools.count()


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Remote]:
    """Opens an empty corner of the bucket; ``endpoint`` to reach it by another way."""
    for name, value in s3_server.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    prefix = f"corner-{next(_numbers)}"

    def opened(endpoint: str = s3) -> Remote:
        address = parse_address(f"s3://bucket/{prefix}")
        return open_remote(address, endpoint=endpoint, part_bytes=PART_BYTES)

    return opened


@pytest.fixture(params=KINDS)
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Remote:
    """An empty remote of each kind."""
    kind = request.param
    if kind == "azure":
        endpoint = request.getfixturevalue("azure")
        environment = request.getfixturevalue("monkeypatch")
        for name, value in azure_server.ENVIRONMENT.items():
            environment.setenv(name, value)
        corner = parse_address(f"az://bucket/corner-{next(_numbers)}")
        plain: Remote = open_remote(corner, endpoint=endpoint, part_bytes=PART_BYTES)
    elif kind == "google":
        corner = parse_address(f"gs://bucket/corner-{next(_numbers)}")
        endpoint = request.getfixturevalue("google")
        plain = open_remote(corner, endpoint=endpoint, part_bytes=PART_BYTES)
    elif kind.endswith("s3"):
        plain = request.getfixturevalue("bucket")()
    elif kind == "memory":
        from obstore.store import MemoryStore

        plain = CloudRemote(MemoryStore(), "memory://")
    else:
        plain = FolderRemote(tmp_path / "remote")
    return EncryptedRemote(plain, b"k" * 32) if kind.startswith("encrypted") else plain
