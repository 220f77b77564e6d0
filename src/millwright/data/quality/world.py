"""What checks may know besides the table at hand: other versions, other datasets, the time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from millwright.data.quality.profile_records import TableProfile
from millwright.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class OtherTable:
    """A version of a dataset, as a Parquet file on this machine."""

    reference: str
    path: Path
    rows: int


def _nothing(reference: str) -> OtherTable:
    raise NotFound(
        "data.unknown_dataset",
        f"'{reference}' is not at hand here.",
        hint="Checks across datasets run on dataset versions: mw data check NAME.",
        value=reference,
    )


@dataclass(frozen=True, slots=True)
class World:
    """What lies around a table; by default nothing."""

    table: Callable[[str], OtherTable] = _nothing
    """A dataset version by reference; ``""`` is the version before."""
    history: tuple[TableProfile, ...] = ()
    """Profiles of earlier versions, newest first."""
    now_ms: int | None = None
    """The time, for checks of freshness: milliseconds since 1970, UTC."""
