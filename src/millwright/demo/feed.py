"""The world outside: flights delivered week by week, as the truth about them becomes known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
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
_REFERENCE: Final = "2013-01-01-reference"
_Rows = npt.NDArray[np.int64]


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


def deliver_reference(folder: Path) -> None:
    """Write what is known when the project starts: January to March, weather, planes."""
    if (folder / "flights" / f"{_REFERENCE}.parquet").exists():
        return
    _write(load_weather(), folder / "weather.parquet")
    _write(load_planes(), folder / "planes.parquet")
    flights = load_flights()
    count = int((_milliseconds(flights["scheduled_departure"]) < TRAINING_ENDS_MS).sum())
    _write(flights.slice(0, count), folder / "flights" / f"{_REFERENCE}.parquet")


class Feed:
    """The year after that, handed out only as far as the simulated time has come."""

    def __init__(self, folder: Path, config: ProjectConfig, fields: Sequence[Field]) -> None:
        """Compute the features of the year as each moment would have seen them.

        Args:
            folder: where deliveries are written.
            config: the project.
            fields: the signature of the model that is asked.
        """
        self._folder = folder
        self._names = [field.name for field in fields]
        self._flights = load_flights()
        self._moments = _milliseconds(self._flights["scheduled_departure"])
        sampled = [self._sample(number) for number in range(WEEKS)]
        ends = np.cumsum([0, *(len(rows) for rows in sampled)])
        self._sampled = dict(enumerate(sampled))
        self._places = {n: (int(ends[n]), int(ends[n + 1])) for n in range(WEEKS)}
        sides = {"weather": load_weather(), "planes": load_planes()}
        built = build_features(self._flights, sides, config, fields=fields).table
        # Only the sampled rows are kept: the rest would cost memory all year.
        self._features = built.select(self._names).take(np.concatenate(sampled)).combine_chunks()
        del built
        pa.default_memory_pool().release_unused()

    def deliver_week(self, number: int) -> None:
        """Write the flights of a week, now that the truth about them is known."""
        start = TRAINING_ENDS_MS + number * WEEK_MS
        path = self._folder / "flights" / f"{rfc3339(start)[:10]}.parquet"
        if not path.exists():
            inside = self._inside(number)
            _write(self._flights.slice(inside[0], len(inside)), path)

    def week(self, number: int) -> Week:
        """A sample of the week's flights, the same at every call."""
        start, end = self._places[number]
        chosen = self._sampled[number]
        truth = self._flights["late"].take(chosen).to_pylist()
        return Week(
            number=number,
            rows=self._features.slice(start, end - start),
            ids=tuple(f"flight-{row}" for row in chosen),
            times=tuple(rfc3339(int(ms)) for ms in self._moments[chosen]),
            truth=tuple(None if late is None else str(late).lower() for late in truth),
        )

    def _sample(self, number: int) -> _Rows:
        inside = self._inside(number)
        generator = np.random.default_rng([_SEED, number])
        count = min(SAMPLE_PER_WEEK, len(inside))
        return np.sort(generator.choice(inside, count, replace=False))

    def _inside(self, number: int) -> _Rows:
        start = TRAINING_ENDS_MS + number * WEEK_MS
        return np.flatnonzero((self._moments >= start) & (self._moments < start + WEEK_MS))


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def _milliseconds(column: pa.ChunkedArray) -> _Rows:
    milliseconds = pc.cast(pc.cast(column, pa.timestamp("ms", tz="UTC"), safe=False), pa.int64())
    values: _Rows = milliseconds.to_numpy()
    return values
