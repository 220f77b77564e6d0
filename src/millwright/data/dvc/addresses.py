"""Data at an address of an object store or the web: downloading it, and telling its versions apart."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import obstore

from millwright.data.dvc.dir_objects import check_inside
from millwright.data.dvc.object_stores import store_of
from millwright.kernel.errors import InvalidInput, NotFound

_KNOWN = ("s3", "gs", "gcs", "azure", "az", "http", "https")


def _opened(url: str) -> tuple[Any, str, str]:
    parts = urlsplit(url)
    if parts.scheme not in _KNOWN:
        raise InvalidInput(
            "dvc.address",
            f"Addresses of {parts.scheme}:// are not read here.",
            hint=f"Known are {', '.join(_KNOWN)} and paths; dvc itself may know more.",
            value=url,
        )
    key = parts.path.lstrip("/")
    return store_of(f"{parts.scheme}://{parts.netloc}", {}), key, parts.scheme


def version_of(url: str) -> dict[str, Any]:
    """What identifies the present version of a file: its ETag (``checksum`` for the web) and size.

    Raises:
        NotFound: there is no such file.
    """
    store, key, scheme = _opened(url)
    try:
        meta = obstore.head(store, key)
    except FileNotFoundError:
        raise NotFound("dvc.missing", f"There is nothing at {url}.", value=url) from None
    tag = (meta.get("e_tag") or "").strip('"') or None
    field = "checksum" if scheme.startswith("http") else "etag"
    return {field: tag, "size": meta["size"]} if tag else {"size": meta["size"]}


def download_address(url: str, target: str) -> None:
    """Write a file, or every file below an address, to ``target``."""
    store, key, scheme = _opened(url)
    try:
        _write(store, key, target)
        return
    except FileNotFoundError:
        if scheme.startswith("http"):
            raise NotFound("dvc.missing", f"There is nothing at {url}.", value=url) from None
    prefix = key.rstrip("/") + "/"
    found = [meta["path"] for page in obstore.list(store, prefix=prefix) for meta in page]
    if not found:
        raise NotFound("dvc.missing", f"There is nothing at {url}.", value=url)
    for path in found:
        inside = path[len(prefix) :]
        check_inside(inside, url)
        full = f"{target}/{inside}"
        os.makedirs(os.path.dirname(full), exist_ok=True)
        _write(store, path, full)


def _write(store: Any, key: str, target: str) -> None:
    answer = obstore.get(store, key)
    os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
    with open(target, "wb") as file:
        for block in answer.stream():
            file.write(block)
