"""The source that a place means: a server, a database or a folder of MLflow's."""

from __future__ import annotations

from pathlib import Path

from millwright.kernel.errors import InvalidInput, NotFound
from millwright.tracking.exchange.database import DatabaseSource
from millwright.tracking.exchange.files import FilesSource
from millwright.tracking.exchange.rest import RestSource
from millwright.tracking.exchange.source import Source


def opened(place: str) -> Source:
    """The source that an address, a database or a folder names.

    Raises:
        InvalidInput: it is none of these.
        NotFound: there is no such file or folder.
    """
    if place.startswith(("http://", "https://")):
        return RestSource(place.rstrip("/"))
    if place.startswith("sqlite:///"):
        return DatabaseSource(_existing(Path(place.removeprefix("sqlite:///"))))
    if "://" in place:
        raise InvalidInput(
            "tracking.import_source",
            f"'{place[:100]}' cannot be read.",
            hint="Give the URL of a server, sqlite:///FILE, or an mlruns folder.",
            value=place,
        )
    path = _existing(Path(place))
    if path.is_file():
        return DatabaseSource(path)
    return FilesSource(path)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise NotFound("tracking.no_source", f"There is no {path}.", value=str(path))
    return path
