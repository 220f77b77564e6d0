"""DVC remotes in object stores, through obstore: S3, Google Cloud Storage, Azure, HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.store import from_url

from millwright.data.dvc.config import Remote
from millwright.data.dvc.object_cache import key_of, prefix_of
from millwright.data.dvc.remotes import Check, digests_only
from millwright.kernel.errors import Unavailable

_S3_OPTIONS = {
    "endpointurl": "endpoint",
    "access_key_id": "access_key_id",
    "secret_access_key": "secret_access_key",
    "session_token": "session_token",
    "region": "region",
}
_MANY = 300


def store_of(url: str, options: dict[str, str]) -> Any:
    """The obstore store of an address, with a remote's own options."""
    scheme = urlsplit(url).scheme
    url = url.replace("gcs://", "gs://", 1).replace("azure://", "az://", 1)
    config: dict[str, Any] = {}
    client: dict[str, Any] = {}
    if scheme == "s3":
        config = {
            ours: options[theirs] for theirs, ours in _S3_OPTIONS.items() if theirs in options
        }
        endpoint = config.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL", "")
        if endpoint:
            config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
            client["allow_http"] = endpoint.startswith("http://")
        config.setdefault("region", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    elif scheme in ("azure", "az"):
        names = {
            "account_name": "account_name",
            "account_key": "account_key",
            "sas_token": "sas_token",
        }
        config = {ours: options[theirs] for theirs, ours in names.items() if theirs in options}
    elif scheme in ("gs", "gcs") and "credentialpath" in options:
        config = {"service_account": options["credentialpath"]}
    elif scheme == "http":
        client["allow_http"] = True
    opened: Any = from_url  # its overloads name each cloud's options; ours come from a file
    return opened(url, **({"config": config} if config else {}), client_options=client)


class Bucket:
    """A remote in an object store."""

    def __init__(self, remote: Remote) -> None:
        self._name = remote.name
        self._store = store_of(remote.url, remote.options)

    def names(self, kind: str) -> set[str]:
        """All objects of a format."""
        prefix = prefix_of(kind)
        keys = (
            meta["path"]
            for page in self._asking(lambda: list(obstore.list(self._store, prefix=prefix or None)))
            for meta in page
        )
        if not prefix:
            keys = (key for key in keys if key.count("/") == 1)
        return set(digests_only(iter(keys)))

    def have(self, wanted: set[str], kind: str) -> set[str]:
        """Those of the wanted objects that are there: listed where they are many."""
        if len(wanted) > _MANY:
            return wanted & self.names(kind)
        from concurrent.futures import ThreadPoolExecutor

        ordered = sorted(wanted)
        with ThreadPoolExecutor(16) as pool:
            there = pool.map(lambda name: self._has(key_of(name, kind)), ordered)
            return {name for name, here in zip(ordered, there, strict=True) if here}

    def _has(self, key: str) -> bool:
        try:
            self._asking(lambda: obstore.head(self._store, key))
        except FileNotFoundError:
            return False
        return True

    def upload(self, source: str, md5: str, kind: str) -> None:
        """Keep a file's bytes under an object's name."""
        with open(source, "rb") as file:
            self._asking(lambda: obstore.put(self._store, key_of(md5, kind), file))

    def download(self, md5: str, kind: str, target: str) -> None:
        """Write an object to a file that does not exist."""
        check = Check(md5, kind)
        answer = self._asking(lambda: obstore.get(self._store, key_of(md5, kind)))
        with open(target, "xb") as file:
            for block in answer.stream():
                content = bytes(block)
                check.update(content)
                file.write(content)
        check.verify()

    def delete(self, names: Iterable[str], kind: str) -> None:
        """Forget objects."""
        keys = [key_of(name, kind) for name in names]
        if keys:
            self._asking(lambda: obstore.delete(self._store, keys))

    def _asking(self, question: Any) -> Any:
        try:
            return question()
        except FileNotFoundError:
            raise
        except Exception as error:
            raise Unavailable(
                "dvc.remote",
                f"The remote {self._name!r} does not answer: {str(error)[:300]}",
                hint="Check its address and credentials: `mw-dvc remote list`.",
            ) from error
