"""The world outside: flights delivered week by week, as the truth about them becomes known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from millwright.demo.flights import load_flights, load_planes, load_weather
from millwright.features import build_features
from millwright.kernel.clock import parse_rfc3339, rfc3339
from millwright.kernel.config import ProjectConfig
from millwright.kernel.model_package import Field

TRAINING_ENDS_MS: Final = parse_rfc3339("2013-04-01T00:00:00Z")
YEAR_ENDS_MS: Final = parse_rfc3339("2013-12-30T00:00:00Z")
WEEK_MS: Final = 7 * 86_400_000
WEEKS: Final = (YEAR_ENDS_MS - TRAINING_ENDS_MS) // WEEK_MS
SAMPLE_PER_WEEK: Final = 1_200
_SEED: Final = 2013


@dataclass(frozen=True)
class Week:
    """The sampled traffic of one week: features, ids, moments and, for later, the truth."""

    number: int
    rows: pa.Table
    ids: tuple[str, ...]
    times: tuple[str, ...]
    truth: tuple[str | None, ...]

    @property
    def starts_ms(self) -> int:
        """When the week begins."""
        return TRAINING_ENDS_MS + self.number * WEEK_MS

    @property
    def ends_ms(self) -> int:
        """When it ends."""
        return self.starts_ms + WEEK_MS


class Feed:
    """A year of flights, handed out only as far as the simulated time has come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._flights = load_flights()
        self._moments = _milliseconds(self._flights["scheduled_departure"])
        self._features: pa.Table | None = None

    def deliver_reference(self) -> None:
        """Write what is known when the project starts: January to March, weather, planes."""
        _write(load_weather(), self._folder / "weather.parquet")
        _write(load_planes(), self._folder / "planes.parquet")
        self._deliver("2013-01-01-reference", 0, TRAINING_ENDS_MS)

    def deliver_week(self, number: int) -> None:
        """Write the flights of a week, now that the truth about them is known."""
        start = TRAINING_ENDS_MS + number * WEEK_MS
        self._deliver(rfc3339(start)[:10], start, start + WEEK_MS)

    def prepare(self, config: ProjectConfig, fields: Sequence[Field]) -> None:
        """Compute the features of the whole year as each moment would have seen them."""
        sides = {"weather": load_weather(), "planes": load_planes()}
        self._features = build_features(self._flights, sides, config, fields=fields).table

    def week(self, number: int, fields: Sequence[Field]) -> Week:
        """A sample of the week's flights, the same at every call."""
        assert self._features is not None
        start = TRAINING_ENDS_MS + number * WEEK_MS
        inside = np.flatnonzero((self._moments >= start) & (self._moments < start + WEEK_MS))
        generator = np.random.default_rng([_SEED, number])
        count = min(SAMPLE_PER_WEEK, len(inside))
        chosen = np.sort(generator.choice(inside, count, replace=False))
        truth = self._flights["late"].take(chosen).to_pylist()
        return Week(
            number=number,
            rows=self._features.select([field.name for field in fields]).take(chosen),
            ids=tuple(f"flight-{row}" for row in chosen),
            times=tuple(rfc3339(int(ms)) for ms in self._moments[chosen]),
            truth=tuple(None if late is None else str(late).lower() for late in truth),
        )

    def _deliver(self, name: str, start: int, end: int) -> None:
        inside = np.flatnonzero((self._moments >= start) & (self._moments < end))
        path = self._folder / "flights" / f"{name}.parquet"
        if not path.exists():
            _write(self._flights.slice(inside[0], len(inside)), path)


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def _milliseconds(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    milliseconds = pc.cast(pc.cast(column, pa.timestamp("ms", tz="UTC"), safe=False), pa.int64())
    values: np.ndarray[tuple[int], np.dtype[np.int64]] = milliseconds.to_numpy()
    return values
