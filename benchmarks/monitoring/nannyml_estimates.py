"""Run by NannyML's own Python: its estimates for ten chunks, as JSON.

`python nannyml_estimates.py REFERENCE CURRENT`: Parquet with `score`, `prediction` and `target`, for
which CBPE estimates accuracy and ROC AUC; without `score` DLE estimates MAE and RMSE.
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

# NannyML's encoders cannot take the strings of pandas 3.
pd.options.future.infer_string = False
reference, current = (pd.read_parquet(path) for path in sys.argv[1:3])
started = time.process_time()
if "score" in reference.columns:
    metrics = ["accuracy", "roc_auc"]
    estimator = nannyml.CBPE(
        y_pred_proba="score",
        y_pred="prediction",
        y_true="target",
        problem_type="classification_binary",
        metrics=metrics,
        chunk_number=10,
    )
else:
    metrics = ["mae", "rmse"]
    estimator = nannyml.DLE(
        feature_column_names=[c for c in reference.columns if c not in ("target", "prediction")],
        y_pred="prediction",
        y_true="target",
        metrics=metrics,
        chunk_number=10,
    )
frame = estimator.fit(reference).estimate(current).filter(period="analysis").to_df()
found = {name: frame[(name, "value")].tolist() for name in metrics}
print(json.dumps(found | {"cpu": time.process_time() - started}))
