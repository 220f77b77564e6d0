"""Run by Evidently's own Python: what it says of every column of two Parquet files, as JSON.

`python evidently_columns.py REFERENCE CURRENT` prints, by column, value, method and threshold, or
null where it refuses, and the CPU seconds of the run without imports and reading.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import pandas as pd  # noqa: E402
from evidently import DataDefinition, Dataset, Report  # noqa: E402
from evidently.core.datasets import infer_column_type  # noqa: E402
from evidently.legacy.calculations.data_drift import get_one_column_drift  # noqa: E402
from evidently.legacy.options.data_drift import DataDriftOptions  # noqa: E402
from evidently.legacy.utils.data_operations import (  # noqa: E402
    DatasetColumns,
    DatasetUtilityColumns,
)
from evidently.presets import DataDriftPreset  # noqa: E402


def one(reference: pd.DataFrame, current: pd.DataFrame, name: str) -> dict | None:
    """The column by the function that Evidently's own metric calls."""
    kind = infer_column_type(current[name])
    columns = DatasetColumns(
        utility_columns=DatasetUtilityColumns(date=None, id=None, target=None, prediction=None),
        target_type=None,
        task=None,
        num_feature_names=[name] if kind.value == "num" else [],
        cat_feature_names=[name] if kind.value == "cat" else [],
        text_feature_names=[name] if kind.value == "text" else [],
        datetime_feature_names=[],
        target_names=None,
    )
    if kind.value not in ("num", "cat"):
        return None
    try:
        found = get_one_column_drift(
            current_data=current,
            reference_data=reference,
            column_name=name,
            options=DataDriftOptions(),
            dataset_columns=columns,
            column_type=kind,
            agg_data=True,
        )
    except ValueError:
        return None
    return {
        "value": float(found.drift_score),
        "method": found.stattest_name,
        "threshold": float(found.stattest_threshold),
        "drifted": bool(found.drift_detected),
    }


def main() -> None:
    reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
    if len(sys.argv) > 3:
        started = time.process_time()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        definition = DataDefinition()
        report = Report([DataDriftPreset()]).run(
            Dataset.from_pandas(current, definition), Dataset.from_pandas(reference, definition)
        )
        report.json()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"cpu": time.process_time() - started, "mb": (after - before) / 1024}))
        return
    print(json.dumps({name: one(reference, current, name) for name in current.columns}))


main()
