"""Estimated against realised performance, beside NannyML's CBPE and DLE, in ten chunks of real tables.

`ci/peer nannyml` once; then `python benchmarks/monitoring/without_labels.py`. Census: employment
2015 against 2016 to 2018; car loans and car prices come with NannyML; California is where calibration
breaks. Regressions: car prices, and bikes hired in the second year by a model of the first half year.
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

from millwright.monitoring.estimation import LossEstimator, PerformanceEstimator
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


def prices() -> Pair:
    names = {"y_true": "target", "y_pred": "prediction"}
    truth = csv.read_csv(CARS / "regression_synthetic_analysis_targets.csv")["y_true"]
    now = csv.read_csv(CARS / "regression_synthetic_analysis.csv").append_column("y_true", truth)
    then = csv.read_csv(CARS / "regression_synthetic_reference.csv")
    kept = [name for name in then.column_names if name not in ("id", "timestamp")]
    then, now = then.select(kept), now.select(kept)
    return tuple(t.rename_columns([names.get(n, n) for n in kept]) for t in (then, now))


def bikes() -> Pair:
    from lightgbm import LGBMRegressor

    table = _table("bike.csv")
    inputs = ["season", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit"]
    inputs += ["temp", "atemp", "hum", "windspeed"]
    rows = np.column_stack([numbers(table, name) for name in inputs])
    target = numbers(table, "cnt")
    model = LGBMRegressor(n_estimators=200, verbose=-1, random_state=0)
    model.fit(rows[:4000], target[:4000])
    made = {name: table[name] for name in inputs if name not in ("mnth", "season")}
    made |= {"prediction": model.predict(rows), "target": target}
    whole = pa.table(made)
    return whole.slice(4000, 4600), whole.slice(8600)


def theirs_of(reference: pa.Table, current: pa.Table) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{side}.parquet" for side in ("reference", "current")]
        for path, table in zip(paths, (reference, current), strict=True):
            pq.write_table(table, path)
        command = [str(peer("nannyml")), str(HERE / "nannyml_estimates.py"), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare_losses(name: str, reference: pa.Table, current: pa.Table) -> None:
    theirs = theirs_of(reference, current)
    started = time.process_time()
    estimator = LossEstimator(reference, target="target", prediction="prediction")
    ends = np.linspace(0, len(current), 11).astype(int)
    chunks = [current.slice(a, b - a) for a, b in pairwise(ends)]
    found = [estimator.estimate(chunk) for chunk in chunks]
    spent = time.process_time() - started
    gaps = [numbers(c, "target") - numbers(c, "prediction") for c in chunks]
    real = {
        "mae": [float(np.abs(gap).mean()) for gap in gaps],
        "rmse": [float(np.sqrt(np.mean(gap**2))) for gap in gaps],
    }
    for loss, realised in real.items():
        ours = [abs(f.losses[loss] / r - 1) for f, r in zip(found, realised, strict=True)]
        peers = [abs(v / r - 1) for v, r in zip(theirs[loss], realised, strict=False)]
        print(
            f"{name:11} {loss:9} mean error {np.mean(ours):.1%}, NannyML {np.mean(peers):.1%}"
            f" of the realised; refused of all {sum(not f.estimable for f in found)}"
        )
    print(f"{name:11} CPU-s {spent:.2f}, NannyML {theirs['cpu']:.2f}", flush=True)


def compare(name: str, reference: pa.Table, current: pa.Table) -> None:
    theirs = theirs_of(reference, current)
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
    for label, pair in (("car prices", prices), ("bikes", bikes)):
        compare_losses(label, *pair())
    million()
