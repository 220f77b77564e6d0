"""Objects in S3, Google Cloud Storage and Azure; credentials are those of the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from millwright.data.connectors.files import (
    file_content,
    is_table,
    listing_state,
    table_files,
    table_pieces,
)
from millwright.data.connectors.interface import Content, FilesContent, TableContent
from millwright.data.connectors.records import SourceOptions, SourceState
from millwright.data.trees import check_path
from millwright.kernel.errors import Forbidden, NotFound, Unavailable
from millwright.kernel.remotes.addresses import RemoteAddress, parse_address
from millwright.kernel.remotes.opening import open_bucket


class CloudSource:
    """One object of a bucket, or all under a prefix."""

    def __init__(self, address: str, options: SourceOptions) -> None:
        self._address, self._options = parse_address(address), options
        # The store is opened at the bucket, so that keys are what the address says.
        self._bucket = open_bucket(RemoteAddress(self._address.scheme, self._address.bucket, ""))

    @property
    def url(self) -> str:
        """The address in one form."""
        return self._address.text

    def state(self) -> SourceState:
        """The ETag of an object; names, sizes and ETags of what is under a prefix."""
        found = self._objects()
        if self._is_one(found):
            return SourceState(kind="etag", value=_tag(found[0]))
        return listing_state([f"{one['path']}\0{one['size']}\0{_tag(one)}" for one in found])

    def content(self, scratch: Path) -> Content:
        """An object as a file; what is under a prefix as a table where all of it are tables."""
        found = self._objects()
        folder = scratch / "objects"
        if self._is_one(found):
            name = self._address.path.rpartition("/")[2]
            return file_content(self._download(found[0], folder, name), self._options, scratch)
        for one in found:
            inside = one["path"][len(self._address.path) :].lstrip("/")
            self._download(one, folder, inside)
        tables = all(is_table(one["path"]) for one in found)
        if self._options.kind == "table" or (self._options.kind == "auto" and tables):
            return TableContent(table_pieces(table_files(folder)))
        return FilesContent(folder)

    def _is_one(self, found: list[Any]) -> bool:
        return len(found) == 1 and found[0]["path"] == self._address.path

    def _objects(self) -> list[Any]:
        import obstore

        key = self._address.path
        try:
            if key:
                try:
                    return [obstore.head(self._bucket, key)]
                except FileNotFoundError:
                    key += "/"
            listed = obstore.list(self._bucket, prefix=key or None)
            found = [one for batch in listed for one in batch if not one["path"].endswith("/")]
        except Exception as cause:
            raise _explained(cause, self.url) from cause
        if not found:
            raise NotFound(
                "data.missing_object",
                f"There is nothing at {self.url}.",
                hint="Check the bucket and the prefix.",
                value=self.url,
            )
        return sorted(found, key=lambda one: str(one["path"]))

    def _download(self, one: Any, folder: Path, name: str) -> Path:
        import obstore

        target = folder / check_path(name).decode()
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("wb") as file:
                for block in obstore.get(self._bucket, one["path"]).stream(min_chunk_size=8 << 20):
                    file.write(block)
        except OSError:
            raise
        except Exception as cause:
            raise _explained(cause, self.url) from cause
        return target


def _tag(found: Any) -> str:
    return str(found.get("e_tag") or f"{found['last_modified'].isoformat()} {found['size']}")[:500]


def _explained(cause: Exception, url: str) -> Exception:
    kind = type(cause).__name__
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return Forbidden(
            "data.source_refused",
            f"The store refuses to show {url}.",
            hint="Set credentials in the environment, for example AWS_ACCESS_KEY_ID, "
            "AZURE_STORAGE_ACCOUNT_KEY or GOOGLE_SERVICE_ACCOUNT.",
        )
    # A missing bucket is no error of its own to the client; the store's answer names it.
    if "NoSuchBucket" in str(cause):
        return NotFound(
            "data.missing_bucket",
            f"There is no bucket for {url}.",
            hint="Check the name of the bucket.",
            value=url,
        )
    if isinstance(cause, FileNotFoundError):
        return NotFound("data.missing_object", f"There is nothing at {url}.", value=url)
    return Unavailable(
        "data.source_unreachable",
        f"{url} cannot be read: {kind}.",
        hint="Check the address, the endpoint (AWS_ENDPOINT_URL, AZURE_STORAGE_ENDPOINT or "
        "STORAGE_EMULATOR_HOST, where it is not the provider's own) and the network.",
    )
