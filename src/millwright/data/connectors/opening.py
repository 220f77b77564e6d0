"""From an address to a source."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from millwright.data.connectors.addresses import refuse_secrets
from millwright.data.connectors.interface import Source
from millwright.data.connectors.records import SourceOptions
from millwright.kernel.errors import InvalidInput

_ENVIRONMENT = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_LAKES = ("delta", "iceberg", "iceberg+catalog")
_DUCKDB_MAGIC = b"DUCK"


def open_source(address: str, options: SourceOptions, base: Path | None = None) -> Source:
    """The source at an address; nothing is asked of it yet.

    Args:
        address: a path, or one of ``http(s)://``, ``s3://``, ``gs://``, ``az://``, a database URL
            of SQLAlchemy (or ``adbc+`` before one), ``duckdb:///``, ``delta:``, ``iceberg:``,
            ``iceberg+catalog:``, ``hf://``, ``millwright+https://``; or ``env:NAME`` for the
            address in an environment variable, which is then never recorded.
        options: what of it is wanted.
        base: the folder that a relative path starts from.

    Raises:
        InvalidInput: it is no address of a source, or holds a password.
    """
    named = _ENVIRONMENT.fullmatch(address)
    if named is not None:
        found = os.environ.get(named.group(1))
        if not found:
            raise InvalidInput(
                "data.no_variable",
                f"The environment variable {named.group(1)} is not set.",
                hint="Set it to the address of the source.",
                value=named.group(1),
            )
        return _opened(found, address, options, base or Path())
    refuse_secrets(address)
    return _opened(address, address, options, base or Path())


def _opened(address: str, shown: str, options: SourceOptions, base: Path) -> Source:
    found = _SCHEME.match(address)
    scheme = found.group(1).lower() if found and len(found.group(1)) > 1 else ""
    rest = address[len(scheme) + 1 :] if scheme else address
    if scheme in ("http", "https"):
        from millwright.data.connectors.http import HttpSource

        return _Shown(HttpSource(address, options), shown if shown != address else None)
    if scheme in ("s3", "gs", "az"):
        from millwright.data.connectors.cloud import CloudSource

        return CloudSource(address, options)
    if scheme in _LAKES:
        return _lake(scheme, rest, base)
    if scheme.startswith("millwright"):
        from millwright.data.connectors.millwright import MillwrightSource

        place = address.removeprefix("millwright+").removeprefix("millwright://")
        return MillwrightSource(place)
    if scheme in ("", "file", "hf", "duckdb"):
        return _on_this_machine(scheme, address, base, options)
    from millwright.data.connectors.sql import SqlSource

    found_again = _absolute(address, base)
    return SqlSource(found_again, found_again if shown == address else shown, options)


def _absolute(address: str, base: Path) -> str:
    """The address of a file of SQLite such that it means the same from any folder."""
    prefix, written, place = address.partition("sqlite:///")
    if not written or prefix not in ("", "adbc+") or not place or place.startswith("/"):
        return address
    return f"{prefix}{written}{(base / place).absolute()}"


def _lake(scheme: str, place: str, base: Path) -> Source:
    from millwright.data.connectors.lakes import DeltaSource, IcebergSource

    if scheme == "iceberg+catalog":
        return IcebergSource(place, in_catalog=True)
    where = place if "://" in place else str(base / place.removeprefix("//"))
    return DeltaSource(where) if scheme == "delta" else IcebergSource(where)


def _on_this_machine(scheme: str, address: str, base: Path, options: SourceOptions) -> Source:
    from millwright.data.connectors.duckdb_file import DuckdbSource
    from millwright.data.connectors.files import LocalSource
    from millwright.data.connectors.hugging_face import HuggingFaceSource, is_hugging_face
    from millwright.data.connectors.lakes import DeltaSource, IcebergSource

    if scheme == "file":
        path = Path(unquote(urlsplit(address).path))
    else:
        place = address[len(scheme) + 1 :].removeprefix("//") if scheme else address
        path = base / Path(place).expanduser()
    if scheme == "hf":
        return HuggingFaceSource(path, options)
    if scheme == "duckdb" or (path.is_file() and _is_duckdb(path)):
        return DuckdbSource(path, options)
    if options.kind == "auto" and path.is_dir():
        if (path / "_delta_log").is_dir():
            return DeltaSource(str(path))
        if any((path / "metadata").glob("*.metadata.json")):
            return IcebergSource(str(path))
        if options.config or options.split or is_hugging_face(path):
            return HuggingFaceSource(path, options)
    return LocalSource(path, options)


def _is_duckdb(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[8:] == _DUCKDB_MAGIC


class _Shown:
    """A source recorded by the name of the variable that holds its address."""

    def __init__(self, source: Source, shown: str | None) -> None:
        self._source, self._shown = source, shown
        self.state, self.content = source.state, source.content

    @property
    def url(self) -> str:
        """The recorded address."""
        return self._shown or self._source.url
