"""Run by NannyML's own Python: what it says of every column of two Parquet files, as JSON.

`python nannyml_columns.py REFERENCE CURRENT` prints, by method and column, the values of the
chunks, the upper threshold and the alarms; with a third argument the CPU seconds of its default.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.filterwarnings("ignore")

import nannyml  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

NUMERIC = ["jensen_shannon", "hellinger", "kolmogorov_smirnov", "wasserstein"]
LEVELS = ["jensen_shannon", "hellinger", "chi2", "l_infinity"]


def _text(column: pd.Series) -> bool:
    """Dates, which Pandas holds as objects, are no categories to us."""
    held = column.dropna()
    return column.dtype.kind == "O" and len(held) > 0 and isinstance(held.iloc[0], str)


def main() -> None:
    reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
    names = [
        name
        for name in reference.columns
        if (
            reference[name].dtype.kind in "iufb"
            and reference[name].notna().any()
            and not np.isinf(reference[name].astype(float)).any()
        )
        or _text(reference[name])
    ]
    timed = len(sys.argv) > 3
    started = time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=names,
        continuous_methods=None if timed else NUMERIC,
        categorical_methods=None if timed else LEVELS,
    ).fit(reference)
    result = calculator.calculate(current).filter(period="analysis")
    frame = result.to_df(multilevel=True)
    if timed:
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"cpu": time.process_time() - started, "mb": (after - before) / 1024}))
        return
    found: dict[str, dict] = {}
    for name, method, what in frame.columns:
        if what == "value":
            threshold = frame[(name, method, "upper_threshold")].iloc[0]
            found[f"{name}|{method}"] = {
                "values": [float(v) for v in frame[(name, method, "value")]],
                "threshold": None if threshold is None else float(threshold),
                "alarms": [bool(v) for v in frame[(name, method, "alert")]],
            }
    print(json.dumps(found))


main()
