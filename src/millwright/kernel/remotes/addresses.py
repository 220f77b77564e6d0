"""Addresses of remotes as people write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from millwright.kernel.errors import InvalidInput

CLOUDS = ("s3", "gs", "az")
WEB = ("http", "https")
_HINT = (
    "Use a folder, file:///path, s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, or "
    "https://host/path of a published remote."
)


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """A checked address: which kind of store, which bucket or folder, and the prefix in it."""

    scheme: str
    """``file``, ``s3``, ``gs``, ``az``, ``http`` or ``https``."""
    bucket: str
    """Bucket, container or host with its port; empty for a folder."""
    path: str
    """Prefix in the bucket, or the folder's absolute path."""

    @property
    def text(self) -> str:
        """The address in one form, free of secrets.

        >>> parse_address("s3://bucket/a/b/").text
        's3://bucket/a/b'
        """
        if self.scheme == "file":
            return f"file://{self.path}"
        return f"{self.scheme}://{self.bucket}/{self.path}".rstrip("/")


def parse_address(text: str, base: Path | None = None) -> RemoteAddress:
    """The address that a text names; a relative folder is taken from ``base``.

    Raises:
        InvalidInput: it is none, or it carries a user, password or query: credentials belong in
            the environment, as an address is shown and logged.
    """
    if "://" not in text:
        if not text.strip() or "\0" in text:
            raise InvalidInput("remote.address", "The address of the remote is empty.", hint=_HINT)
        folder = (base or Path.cwd()) / Path(text).expanduser()
        return RemoteAddress("file", "", str(folder.resolve()))
    parts = urlsplit(text)
    if parts.username or parts.password or parts.query or parts.fragment or "@" in parts.netloc:
        raise InvalidInput(
            "remote.secret_in_address",
            "The address of a remote may not hold a user, password, query or fragment.",
            hint="Give credentials in the environment, for example AWS_ACCESS_KEY_ID.",
        )
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise InvalidInput(
                "remote.address", "A file address has an absolute path: file:///path.", hint=_HINT
            )
        return RemoteAddress("file", "", str(Path(unquote(parts.path)).resolve()))
    if parts.scheme not in CLOUDS + WEB or not parts.netloc:
        raise InvalidInput(
            "remote.address", f"There are no remotes at '{parts.scheme}://'.", hint=_HINT
        )
    prefix = "/".join(part for part in parts.path.split("/") if part)
    return RemoteAddress(parts.scheme, parts.netloc, prefix)


def parse_endpoint(text: str) -> str:
    """A checked endpoint of a store: ``http(s)://host[:port]``, perhaps with a path (Azure's account).

    Raises:
        InvalidInput: it is none, or it holds a user, password or query.
    """
    parts = urlsplit(text)
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in ("http", "https") or not parts.hostname or not plain:
        raise InvalidInput(
            "remote.endpoint",
            "An endpoint is written http://host:port or https://host, without credentials.",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
