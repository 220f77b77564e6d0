"""From an address to a remote."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from millwright.kernel.remotes.addresses import RemoteAddress
from millwright.kernel.remotes.interface import Remote


def open_remote(
    address: RemoteAddress, *, endpoint: str | None = None, part_bytes: int = 8 << 20
) -> Remote:
    """The remote at an address; nothing is asked of the store yet.

    Args:
        address: a checked address.
        endpoint: of a store that speaks S3's protocol (``AWS_ENDPOINT_URL`` where omitted), or
            Azure's.
        part_bytes: size of the parts of large uploads.
    """
    if address.scheme == "file":
        from millwright.kernel.remotes.folder import FolderRemote

        return FolderRemote(Path(address.path))
    from millwright.kernel.remotes.cloud import CloudRemote

    return CloudRemote(
        _cloud(address, endpoint),
        address.text,
        uploads=_cloud(address, endpoint, retries=12, seconds=180),
        part_bytes=part_bytes,
    )


def open_bucket(address: RemoteAddress, *, endpoint: str | None = None) -> Any:
    """The obstore store of a bucket, for reading what others wrote there under their own names."""
    return _cloud(address, endpoint)


def _cloud(
    address: RemoteAddress, endpoint: str | None, *, retries: int = 4, seconds: float = 30
) -> Any:
    from obstore.store import AzureStore, GCSStore, S3Store

    prefix = address.path or None
    retry: Any = {
        "max_retries": retries,
        "retry_timeout": timedelta(seconds=seconds),
        "backoff": {
            "init_backoff": timedelta(milliseconds=50),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }
    client: Any = {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(seconds=300)}
    config: Any = {}
    if address.scheme == "gs":
        return GCSStore(address.bucket, prefix=prefix, client_options=client, retry_config=retry)
    if address.scheme == "az":
        if endpoint is not None:
            config["endpoint"] = endpoint
            client["allow_http"] = endpoint.startswith("http://")
        return AzureStore(
            address.bucket,
            prefix=prefix,
            config=config,
            client_options=client,
            retry_config=retry,
        )
    place = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if place is not None:
        config["endpoint"] = place
        config["region"] = os.environ.get("AWS_REGION") or os.environ.get(
            "AWS_DEFAULT_REGION", "us-east-1"
        )
        client["allow_http"] = place.startswith("http://")
    return S3Store(
        address.bucket, prefix=prefix, config=config, client_options=client, retry_config=retry
    )
