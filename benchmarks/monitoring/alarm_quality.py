"""How often a policy cries wolf, and how soon it notices: ours, Evidently's, NannyML's, Bonferroni.

Rows of real tables (census and bank, 30 columns) are drawn anew, so nothing drifts until something
is put in. 60 looks of 1,000 rows at a reference of 10,000 (1,000 for Evidently's tests of
significance as well). `python benchmarks/monitoring/alarm_quality.py [STREAMS [POLICY]]`; every peer's policy
runs by its documented rules through our presets, which `peers_agree.py` holds to the peers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from splits import _table

from millwright.kernel.model_package import Field
from millwright.monitoring.comparison import compare_tables
from millwright.monitoring.comparison.nannyml import fitted
from millwright.monitoring.drift import make_reference, table_drift, with_evidence
from millwright.monitoring.policy.loss import LossDetector

LOOKS, ROWS, REFERENCE = 60, 1000, 10_000
Policy = Callable[[pa.Table], "tuple[bool, bool]"]
"""From a window to: a page (or the only kind of alarm there is), a warning or a page."""


def pool() -> pa.Table:
    """30 columns of two real tables side by side."""
    census, bank = _table("income.csv"), _table("bank.csv").slice(0, 32_561)
    both = {f"census {name}": census[name] for name in census.column_names}
    both |= {f"bank {name}": bank[name] for name in bank.column_names}
    return pa.table(dict(list(both.items())[:30])).combine_chunks()


@dataclass(frozen=True)
class Change:
    """What is put into a stream."""

    column: str
    size: float

    def into(self, table: pa.Table, deviation: float) -> pa.Table:
        place = table.column_names.index(self.column)
        column = table[self.column]
        if pa.types.is_string(column.type):
            values = np.asarray(column.to_pylist(), dtype=object)
            common = max(set(values.tolist()), key=values.tolist().count)
            moved = np.random.default_rng(len(values)).random(len(values)) < self.size
            values[(values == common) & moved] = "Other"
            return table.set_column(place, self.column, pa.array(values.tolist(), pa.string()))
        return table.set_column(
            place, self.column, pa.array(column.to_numpy() + self.size * deviation)
        )


def ours(reference: pa.Table) -> Policy:
    fields = [
        Field(name=f.name, kind="categorical" if pa.types.is_string(f.type) else "numeric")
        for f in reference.schema
    ]
    known = make_reference(reference, fields)
    earlier: list[tuple[int, dict[str, tuple[int, ...]]]] = []

    def look(window: pa.Table) -> tuple[bool, bool]:
        drifts = table_drift(known, window)
        found = with_evidence(drifts, known, earlier, len(earlier))
        earlier.append((len(earlier), {d.feature: d.counts for d in drifts}))
        tiers = {d.evidence.tier for d in found if d.evidence}
        return "page" in tiers, bool(tiers & {"page", "warn"})

    return look


def evidently(rows: int, whole: bool) -> Callable[[pa.Table], Policy]:
    def made(reference: pa.Table) -> Policy:
        def look(window: pa.Table) -> tuple[bool, bool]:
            found = compare_tables(reference.slice(0, rows), window, "evidently")
            alarm = found.drifted if whole else found.drifted_share > 0.0
            return alarm, alarm

        return look

    return made


def nannyml(reference: pa.Table) -> Policy:
    known = {name: fitted(reference[name]) for name in reference.column_names}

    def look(window: pa.Table) -> tuple[bool, bool]:
        alarm = any(
            fit.measure(window[name])[0] > fit.threshold for name, fit in known.items() if fit
        )
        return alarm, alarm

    return look


def bonferroni(reference: pa.Table) -> Policy:
    """Every column tested in every look, 5 % a look shared among the columns."""

    def look(window: pa.Table) -> tuple[bool, bool]:
        found = compare_tables(reference, window)
        alarm = any((c.p_value or 1.0) <= 0.05 / len(found.columns) for c in found.columns)
        return alarm, alarm

    return look


def stability(reference: pa.Table) -> Policy:
    """PSI of any column at least 0.2, the rule of thumb."""

    def look(window: pa.Table) -> tuple[bool, bool]:
        found = compare_tables(reference, window)
        alarm = any(
            c.statistics.get("population_stability_index", 0.0) >= 0.2 for c in found.columns
        )
        return alarm, alarm

    return look


POLICIES: dict[str, tuple[Callable[[pa.Table], Policy], int]] = {
    "Millwright": (ours, 1),
    "Evidently, any column, 1,000 reference rows": (evidently(1000, False), 5),
    "Evidently, any column, 10,000": (evidently(REFERENCE, False), 5),
    "Evidently, half the columns": (evidently(1000, True), 5),
    "NannyML, any column": (nannyml, 5),
    "Bonferroni per look": (bonferroni, 5),
    "PSI ≥ 0.2, any column": (stability, 5),
}
CHANGES = {
    "+0.25σ": Change("census age", 0.25),
    "+0.10σ": Change("census age", 0.10),
    "5 % of a category": Change("census workclass", 0.05 / 0.70),
}


def stream(
    rows: pa.Table, make: Callable[[pa.Table], Policy], seed: int, change: Change | None, looks: int
) -> list[tuple[bool, bool]]:
    rng = np.random.default_rng(seed)
    policy = make(rows.take(rng.integers(0, len(rows), REFERENCE)))
    said = []
    deviation = 0.0
    if change and not pa.types.is_string(rows[change.column].type):
        deviation = float(np.std(rows[change.column].to_numpy()))
    for _ in range(looks):
        window = rows.take(rng.integers(0, len(rows), ROWS))
        said.append(policy(change.into(window, deviation) if change else window))
    return said


def labelled() -> None:
    """The detector of labelled loss on labels without a change."""
    alarms, spent = 0, 0.0
    for seed in range(20):
        errors = (np.random.default_rng(seed).random(50_000) < 0.1).astype(float)
        watch = LossDetector(errors[:8000].sum(), 8000)
        started = time.process_time()
        alarms += len(watch.update(errors[8000:]))
        spent += time.process_time() - started
    print(f"labels: {alarms} false alarms in 20 × 50,000; {spent / 840_000 * 1e6:.2f} µs a label")


def main(streams: int, wanted: str) -> None:
    rows = pool()
    for name, (make, fewer) in POLICIES.items():
        if wanted not in name:
            continue
        count = max(2, streams // fewer)
        started = time.process_time()
        said = [stream(rows, make, seed, None, LOOKS) for seed in range(count)]
        paged = sum(any(page for page, _ in one) for one in said)
        warnings = sum(warn for one in said for _, warn in one)
        line = f"{name:45} streams with an alarm {paged / count:5.0%} of {count:3}"
        line += f"  alarms per 100 looks {100 * warnings / count / LOOKS:6.2f}"
        for label, change in CHANGES.items():
            first = []
            for seed in range(max(2, count // 2)):
                one = stream(rows, make, 1000 + seed, change, 12)
                at = [i for i, (_, warn) in enumerate(one) if warn]
                first.append((at[0] + 1) * ROWS if at else 99_000)
            line += f"  {label} {np.median(first):6,.0f}"
        print(f"{line}  ({time.process_time() - started:.0f} CPU-s)", flush=True)
    labelled()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40, sys.argv[2] if len(sys.argv) > 2 else "")
