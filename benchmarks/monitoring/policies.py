"""Retraining policies on real streams, lived through again: bar "the loop pays".

    python benchmarks/monitoring/policies.py [--data FOLDER] [STREAM …]

Streams: Elec2, SEA (50,000 and 10,000 rows), bike sharing by the hour, and every tenth of the flights
of ``mw demo`` with the weather of their hour. For each policy: mean loss over all predicted rows, and
retrainings. The bar: the policy ``millwright`` errs no more than retraining on all rows every 2,500,
with at most half of its retrainings, and less than never retraining.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import millwright as mw
from millwright.data import read_table

POLICIES = ("never", "every 2,500", "every 2,500, latest", "drift", "millwright")
BIKE = ("instant", "dteday", "casual", "registered", "yr")
DATA = Path("../shared/data/drift")


def flights() -> pa.Table:
    """What is known at departure; every tenth flight."""
    from millwright.demo.flights import load_flights, load_weather

    table = load_flights()
    table = table.take(pa.array(range(0, table.num_rows, 10)))
    weather = load_weather()
    hour = pc.floor_temporal(table["scheduled_departure"], unit="hour")
    observed = pc.floor_temporal(weather["observed_at"], unit="hour")
    weather = weather.drop(["observed_at"]).append_column("at_hour", observed.cast(hour.type))
    first = weather.group_by(["origin", "at_hour"]).aggregate(
        [(name, "min") for name in weather.column_names if name not in ("origin", "at_hour")]
    )
    joined = table.append_column("at_hour", hour).join(first, ["origin", "at_hour"])
    known = ["carrier", "origin", "dest", "distance", "hour", "late", "scheduled_departure"]
    known += [name for name in joined.column_names if name.endswith("_min")]
    chosen = joined.select([name for name in known if name in joined.column_names])
    month = pc.month(chosen["scheduled_departure"])
    return chosen.append_column(
        "weekday", pc.day_of_week(chosen["scheduled_departure"])
    ).append_column("month", month)


def main() -> None:
    """Print the table of each stream."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("streams", nargs="*", default=["elec2", "sea", "sea10", "bike", "flights"])
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    streams = {
        "elec2": ("elec2.csv", "class", (), None),
        "sea": ("sea_concepts.csv", "label", (), None),
        "sea10": ("sea_abrupt_10k.csv", "class", (), None),
        "bike": ("bike_sharing_hour.csv", "cnt", BIKE, None),
        "flights": (None, "late", (), "scheduled_departure"),
    }
    for name in given.streams:
        file, target, ignore, moment = streams[name]
        table = flights() if file is None else read_table(given.data / file)
        began = time.process_time()
        found = mw.backtest(table, target=target, ignore=ignore, time=moment, policies=POLICIES)
        seconds = time.process_time() - began
        print(f"{name}: {found.rows:,} rows, {found.loss}, {seconds:.0f} CPU-s")
        for curve in found.policies:
            print(f"  {curve.name:22} {curve.error:9.4f} {curve.retrainings:4} retrainings")
        errors = {curve.name: curve for curve in found.policies}
        ours, calendar = errors["millwright"], errors["every 2,500"]
        met = (
            ours.error <= calendar.error
            and 2 * ours.retrainings <= calendar.retrainings
            and ours.error < errors["never"].error
        )
        print(f"  bar: {'met' if met else 'missed'}", flush=True)


if __name__ == "__main__":
    main()
