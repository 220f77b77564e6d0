"""Files at http(s) addresses, through the one way out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from millwright.data.connectors.files import file_content
from millwright.data.connectors.interface import Content
from millwright.data.connectors.records import SourceOptions, SourceState
from millwright.kernel import egress
from millwright.kernel.objects import digest_of_file

_ODD = "/\\\0"


class HttpSource:
    """What is at an address. What follows ``?`` is used and never recorded: secrets travel there."""

    def __init__(self, address: str, options: SourceOptions) -> None:
        self._address, self._options = address, options
        self._seen: SourceState | None = None

    @property
    def url(self) -> str:
        """The address without its query."""
        parts = urlsplit(self._address)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))

    def state(self) -> SourceState | None:
        """ETag, or time and size; None where the server says neither."""
        if self._seen is None:
            allow = egress.allowed_from_environment()
            self._seen = state_of(egress.look(self._address, allow=allow))
        return self._seen

    def content(self, scratch: Path) -> Content:
        """The file, a table where its name or the options say so."""
        name = unquote(PurePosixPath(urlsplit(self._address).path).name).strip(_ODD) or "download"
        path = scratch / name.replace("/", "_")
        with path.open("wb") as file:
            headers = egress.fetch(
                self._address, file, allow=egress.allowed_from_environment(), timeout_seconds=3600
            )
        # What came with the bytes is the state of these bytes, whatever a look before said.
        digest = SourceState(kind="digest", value=digest_of_file(path))
        self._seen = state_of(headers) or digest
        return file_content(path, self._options, scratch)


def state_of(headers: Mapping[str, str]) -> SourceState | None:
    """The state that an answer's headers name; a strong or weak ETag goes first."""
    tag = headers.get("etag")
    if tag:
        return SourceState(kind="etag", value=tag[:500])
    if headers.get("last-modified"):
        value = f"{headers['last-modified']} {headers.get('content-length', '')}"
        return SourceState(kind="modified", value=value.strip()[:500])
    return None
