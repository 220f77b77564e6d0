"""Estimated against realised performance, beside NannyML's CBPE, in ten chunks of real tables.

`ci/peer nannyml` once; then `python benchmarks/monitoring/without_labels.py`. Census: employment
2015 against 2016 to 2018; car loans come with NannyML; California is where calibration breaks.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peers_agree import HERE, ROOT, peer
from pyarrow import csv
from splits import _table

from millwright.monitoring.estimation import PerformanceEstimator
from millwright.monitoring.estimation.expected import expected_metrics

CARS = ROOT / ".peers/nannyml/lib/python3.11/site-packages/nannyml/datasets/data"
Pair = tuple[pa.Table, pa.Table]


def named(table: pa.Table, score: str, prediction: str, target: str, drop: set[str]) -> pa.Table:
    names = {score: "score", prediction: "prediction", target: "target"}
    kept = [name for name in table.column_names if name not in drop]
    return table.select(kept).rename_columns([names.get(name, name) for name in kept])


def census() -> Pair:
    roles = ("predicted_probability", "prediction", "employed", {"id", "year"})
    later = [_table(f"drift/employment_ma_{year}.csv") for year in (2016, 2017, 2018)]
    reference = named(_table("drift/employment_ma_2015_reference.csv"), *roles)
    return reference, named(pa.concat_tables(later), *roles).select(reference.column_names)


def california() -> Pair:
    roles = ("y_pred_proba", "y_pred", "clf_target", {"id", "timestamp"})
    truth = _table("drift/california_housing_analysis_gt.csv")["clf_target"]
    now = _table("drift/california_housing_analysis.csv").append_column("clf_target", truth)
    reference = named(_table("drift/california_housing_reference.csv"), *roles)
    return reference, named(now, *roles).select(reference.column_names)


def cars() -> Pair:
    roles = ("y_pred_proba", "y_pred", "repaid", {"id", "timestamp"})
    truth = csv.read_csv(CARS / "synthetic_car_loan_analysis_target.csv")["repaid"]
    now = csv.read_csv(CARS / "synthetic_car_loan_analysis.csv").append_column("repaid", truth)
    reference = named(csv.read_csv(CARS / "synthetic_car_loan_reference.csv"), *roles)
    return reference, named(now, *roles).select(reference.column_names)


def numbers(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy().astype(np.float64)


def compare(name: str, reference: pa.Table, current: pa.Table) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{side}.parquet" for side in ("reference", "current")]
        for path, table in zip(paths, (reference, current), strict=True):
            pq.write_table(table, path)
        command = [str(peer("nannyml")), str(HERE / "nannyml_estimates.py"), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs = json.loads(done.stdout.strip().splitlines()[-1])
    started = time.process_time()
    estimator = PerformanceEstimator(
        reference, target="target", score="score", prediction="prediction"
    )
    ends = np.linspace(0, len(current), 11).astype(int)
    chunks = [current.slice(a, b - a) for a, b in pairwise(ends)]
    found = [estimator.estimate(chunk) for chunk in chunks]
    spent = time.process_time() - started
    real = [
        expected_metrics(numbers(c, "target"), numbers(c, "prediction"), numbers(c, "score"))
        for c in chunks
    ]
    for metric in ("accuracy", "roc_auc"):
        ours = [abs(f.metrics[metric] - r[metric]) for f, r in zip(found, real, strict=True)]
        peers = [abs(v - r[metric]) for v, r in zip(theirs[metric], real, strict=False)]
        off = [not f.estimable for f, error in zip(found, ours, strict=True) if error > 0.1]
        print(
            f"{name:11} {metric:9} mean error {np.mean(ours):.4f}, NannyML {np.mean(peers):.4f};"
            f" off by more than 0.1: {len(off)} chunks, refused {sum(off)};"
            f" refused of all {sum(not f.estimable for f in found)}"
        )
    print(f"{name:11} CPU-s {spent:.2f}, NannyML {theirs['cpu']:.2f}", flush=True)


def million() -> None:
    rng = np.random.default_rng(0)
    score = rng.beta(2, 2, 1_000_000)
    table = pa.table(
        {"score": score, "target": (rng.random(score.size) < score).astype(float)}
        | {f"x{i}": rng.normal(size=score.size) for i in range(10)}
    )
    started = time.process_time()
    PerformanceEstimator(table, target="target", score="score").estimate(table)
    print(f"fitting and estimating 1,000,000 rows: {time.process_time() - started:.2f} CPU-s")


if __name__ == "__main__":
    for label, pair in (("census", census), ("car loans", cars), ("California", california)):
        compare(label, *pair())
    million()
