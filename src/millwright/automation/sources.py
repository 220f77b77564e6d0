"""From a project's sources to dataset versions: what was read, recorded before it is used."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from millwright.data import check_trainable, load, read_table, snapshot
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import ProjectConfig
from millwright.kernel.config_retraining import Windowing
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.record import Record


class Period(Record):
    """Rows from ``since_ms`` (included) to ``until_ms`` (excluded), by the project's time column."""

    since_ms: int | None = None
    until_ms: int | None = None


class DatasetRef(Record):
    """A dataset version that a run reads."""

    id: str
    name: str
    version: int
    digest: str
    rows: int


class Snapshot(Record):
    """The dataset versions of one run: the main table and the tables joined to it."""

    main: DatasetRef
    sides: dict[str, DatasetRef]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all versions."""
        return (self.main.id, *(side.id for side in self.sides.values()))


class ChampionRef(Record):
    """The model version that a challenger is measured against."""

    id: str
    model: str
    version: int


class TrainingPlan(Record):
    """What sets one training apart from another of the same project."""

    budget_ms: int
    experiment: str
    champion: ChampionRef | None = None
    window_ms: int | None = None
    """Train on rows of this length of time before the held-out ones; on all when None."""
    windowing: Windowing = "sliding"
    """How the rows before the held-out ones are chosen, where ``window_ms`` is given."""
    since_ms: int | None = None
    """When the drift began that is learned anew from."""
    half_life_ms: int | None = None
    """Rows that are older by this are kept half as often."""
    holdout_ms: int | None = None
    """Hold out the latest rows of this length of time; the project's share when None."""
    trials: int | None = None
    """End the search after so many, whatever time is left; the budget decides when None."""


def retraining_period(config: ProjectConfig, now_ms: int) -> Period:
    """The rows a retraining reads: all, where any may be chosen; or else its window and the held-out rows, and before them the longest
    look back of any rolling feature, so that the first rows are as complete as the last."""
    if config.retraining.windowing != "sliding":
        return Period(until_ms=now_ms)
    kept = parse_duration(config.retraining.window) + parse_duration(config.retraining.holdout)
    looks = [parse_duration(w) for r in config.features.rolling for w in r.windows]
    return Period(since_ms=now_ms - kept - max(looks, default=0), until_ms=now_ms)


def take_snapshot(door: Door, config: ProjectConfig, root: Path, period: Period) -> Snapshot:
    """Read the project's sources and record them as dataset versions.

    Raises:
        MillwrightError: a source cannot be read, or nothing can be learned from it.
    """
    source = _resolved(config.data.source, root)
    table = _within(read_table(source), config, period)
    check_trainable(table, config.data.target)
    main = _record(door, config.project, config.project, table, config.data.source)
    sides = {}
    for name, side in config.data.tables.items():
        joined = read_table(_resolved(side.source, root))
        dataset = f"{config.project}.{name}"
        sides[name] = _record(door, config.project, dataset, joined, side.source)
    return Snapshot(main=main, sides=sides)


def load_snapshot(
    door: Door, project: str, taken: Snapshot
) -> tuple[pa.Table, dict[str, pa.Table]]:
    """The tables of a snapshot: the main one, and the others by name."""
    sides = {
        name: load(door, project, side.name, side.version) for name, side in taken.sides.items()
    }
    return load(door, project, taken.main.name, taken.main.version), sides


def _record(door: Door, project: str, name: str, table: pa.Table, source: str) -> DatasetRef:
    version = snapshot(door, project, name, table, source)
    return DatasetRef(
        id=version.id,
        name=name,
        version=version.version,
        digest=version.digest,
        rows=table.num_rows,
    )


def _resolved(source: str, root: Path) -> str:
    return source if "://" in source else str(root / source)


def _within(table: pa.Table, config: ProjectConfig, period: Period) -> pa.Table:
    time = config.data.time
    if time is None or (period.since_ms is None and period.until_ms is None):
        return table
    if time not in table.column_names:
        guess = nearest(time, table.column_names)
        raise InvalidInput(
            "data.unknown_time",
            f"The time column '{time}' is not in {config.data.source}.",
            hint=f"Did you mean '{guess}'?" if guess else "Correct data.time in millwright.yaml.",
            value=time,
        )
    moments = pc.cast(pc.cast(table[time], pa.timestamp("ms", tz="UTC"), safe=False), pa.int64())
    kept = pc.is_valid(moments)
    if period.since_ms is not None:
        kept = pc.and_kleene(kept, pc.greater_equal(moments, period.since_ms))
    if period.until_ms is not None:
        kept = pc.and_kleene(kept, pc.less(moments, period.until_ms))
    return table.filter(kept)
