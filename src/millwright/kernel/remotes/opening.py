"""From an address to a remote."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from millwright.kernel.errors import Unavailable
from millwright.kernel.remotes.addresses import WEB, RemoteAddress
from millwright.kernel.remotes.interface import Remote


def open_remote(
    address: RemoteAddress, *, endpoint: str | None = None, part_bytes: int = 8 << 20
) -> Remote:
    """The remote at an address; nothing is asked of the store yet.

    Args:
        address: a checked address.
        endpoint: of a store that speaks S3's protocol (``AWS_ENDPOINT_URL`` where omitted),
            Azure's (``AZURE_STORAGE_ENDPOINT``), or of an emulator of Google's
            (``STORAGE_EMULATOR_HOST``), which gets no token.
        part_bytes: size of the parts of large uploads.
    """
    if address.scheme == "file":
        from millwright.kernel.remotes.folder import FolderRemote

        return FolderRemote(Path(address.path))
    if address.scheme in WEB:
        from millwright.kernel.remotes.http import HttpRemote

        return HttpRemote(_web(address), address.text)
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
    """The obstore store of a bucket.

    Raises:
        Unavailable: the environment lacks what the store asks for before anything is sent.
    """
    from obstore.exceptions import BaseError

    try:
        return _configured(address, endpoint, retries, seconds)
    except BaseError as cause:
        sentence = str(cause).partition("\n")[0].rpartition(": ")[2].strip() or "no reason given"
        raise Unavailable(
            "remote.configuration",
            f"{address.text} cannot be opened: {sentence}.",
            hint="Set the environment variables of the store, for Azure AZURE_STORAGE_ACCOUNT_NAME "
            "and AZURE_STORAGE_ACCOUNT_KEY.",
            value=address.text,
        ) from cause


def _configured(address: RemoteAddress, endpoint: str | None, retries: int, seconds: float) -> Any:
    from obstore.store import AzureStore, GCSStore, S3Store

    prefix = address.path or None
    retry, client = _patience(retries, seconds)
    config: Any = {}
    if address.scheme == "gs":
        place = endpoint or os.environ.get("STORAGE_EMULATOR_HOST")
        if place is not None:
            place = place if "://" in place else f"http://{place}"
            config = {"service_account_key": _emulated(place), "skip_signature": True}
            client["allow_http"] = place.startswith("http://")
        return GCSStore(
            address.bucket,
            prefix=prefix,
            config=config,
            client_options=client,
            retry_config=retry,
        )
    if address.scheme == "az":
        place = endpoint or os.environ.get("AZURE_STORAGE_ENDPOINT")
        if place is not None:
            config["endpoint"] = place
            client["allow_http"] = place.startswith("http://")
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


def _emulated(place: str) -> str:
    """The key of an account that has none, which is how obstore is told of another address."""
    nobody = {"client_email": "", "private_key": "", "private_key_id": ""}
    return json.dumps({"gcs_base_url": place, "disable_oauth": True, **nobody})


def _web(address: RemoteAddress) -> Any:
    from obstore.store import HTTPStore

    from millwright.kernel.egress import allowed_from_environment, require_public

    # As wherever a user's address is asked: not what only this machine or its network can reach.
    require_public(address.text, allow=allowed_from_environment())
    retry, client = _patience(retries=4, seconds=30)
    client["allow_http"] = address.scheme == "http"
    return HTTPStore(address.text, client_options=client, retry_config=retry)


def _patience(retries: int, seconds: float) -> tuple[Any, Any]:
    """How often obstore tries again, and how long a connection and an answer may take."""
    retry = {
        "max_retries": retries,
        "retry_timeout": timedelta(seconds=seconds),
        "backoff": {
            "init_backoff": timedelta(milliseconds=50),
            "max_backoff": timedelta(seconds=5),
            "base": 2,
        },
    }
    return retry, {"connect_timeout": timedelta(seconds=10), "timeout": timedelta(seconds=300)}
