"""`mw predict` beside the bare engine: a million rows of thirty numbers through a LightGBM of a hundred trees.

The bare engine has the matrix in memory and writes nothing; `mw predict` reads Parquet, builds the matrix,
scores and writes Parquet. Both on all cores, turn about; CPU seconds are of the whole process.

    python benchmarks/serving/predict.py [--rows 1000000] [--rounds 3]

Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from millwright.deployment.batch.scoring import score_files
from millwright.kernel.scoring import Scorer

WIDTH = 30
_AT_ONCE = 65_536


def package_in(folder: Path) -> None:
    """A LightGBM classifier as ONNX."""
    import lightgbm

    from millwright.registry.inference import infer_fitted
    from millwright.registry.packaging import build_package

    random = np.random.default_rng(0)
    table = random.normal(size=(5_000, WIDTH))
    answers = (table[:, 0] + table[:, 1] * table[:, 2] > 0).astype(int)
    names = [f"f{i}" for i in range(WIDTH)]
    rows = pa.table({name: table[:, i] for i, name in enumerate(names)})
    model = lightgbm.LGBMClassifier(n_estimators=100, verbose=-1).fit(rows.to_pandas(), answers)
    fitted, reference = infer_fitted(model, rows, None)
    build_package(folder, fitted, model="predict", reference=reference, environment="")


def write_rows(file: Path, rows: int) -> np.ndarray:
    """Rows as Parquet; the same as the matrix that the engine takes."""
    random = np.random.default_rng(1)
    table = random.normal(size=(rows, WIDTH))
    pq.write_table(pa.table({f"f{i}": table[:, i] for i in range(WIDTH)}), file)
    return table.astype(np.float32)


def bare(scorer: Scorer, matrix: np.ndarray) -> None:
    """The engine alone."""
    starts = range(0, len(matrix), _AT_ONCE)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda at: scorer.score_matrix(matrix[at : at + _AT_ONCE]), starts))


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        package = folder / "package"
        package_in(package)
        matrix = write_rows(folder / "rows.parquet", given.rows)
        scorer = Scorer.open(package)
        print("round  engine: wall, CPU      mw predict: wall, CPU    throughput by wall, by CPU")
        for number in range(given.rounds):
            began, used = time.perf_counter(), time.process_time()
            bare(scorer, matrix)
            engine = time.perf_counter() - began, time.process_time() - used
            out = folder / "out"
            began, used = time.perf_counter(), time.process_time()
            score_files(package, 1, folder / "rows.parquet", out, keep=[])
            ours = time.perf_counter() - began, time.process_time() - used
            shutil.rmtree(out)
            print(
                f"{number + 1:5}  {engine[0]:7.2f} s {engine[1]:7.2f} s   {ours[0]:10.2f} s "
                f"{ours[1]:7.2f} s   {engine[0] / ours[0]:10.0%} {engine[1] / ours[1]:10.0%}"
            )


if __name__ == "__main__":
    main()
