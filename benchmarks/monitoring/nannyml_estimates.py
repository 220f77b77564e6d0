"""Run by NannyML's own Python: its CBPE of accuracy and ROC AUC for ten chunks, as JSON.

`python nannyml_estimates.py REFERENCE CURRENT`: Parquet with `score`, `prediction` and `target`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
warnings.filterwarnings("ignore")

import nannyml  # noqa: E402
import pandas as pd  # noqa: E402

reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
started = time.process_time()
estimator = nannyml.CBPE(
    y_pred_proba="score",
    y_pred="prediction",
    y_true="target",
    problem_type="classification_binary",
    metrics=["accuracy", "roc_auc"],
    chunk_number=10,
).fit(reference)
frame = estimator.estimate(current).filter(period="analysis").to_df()
found = {
    "accuracy": frame[("accuracy", "value")].tolist(),
    "roc_auc": frame[("roc_auc", "value")].tolist(),
    "cpu": time.process_time() - started,
}
print(json.dumps(found))
