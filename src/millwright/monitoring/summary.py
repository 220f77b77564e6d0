"""A window's rows, labels and model become one summary."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.config import MonitoringConfig
from millwright.monitoring.drift import column_drift, drifted_share, table_drift
from millwright.monitoring.expecting import expectation_of
from millwright.monitoring.labels import join_labels
from millwright.monitoring.latency import latency_of
from millwright.monitoring.parts import Divide, outcomes_of
from millwright.monitoring.performance import (
    Measure,
    WatchedModel,
    errors_of,
    labelled_rows,
    performance_of,
    version_scores,
)
from millwright.monitoring.records import WindowStatus, WindowSummary
from millwright.monitoring.segments import FEATURE_PREFIX


def champion_of(rows: pa.Table) -> str | None:
    """The version that answered most rows as champion."""
    answered = rows.filter(pc.equal(rows["variant"].cast(pa.string()), "champion"))
    counted = pc.value_counts((answered if answered.num_rows else rows)["version_id"])
    if len(counted) == 0:
        return None
    at = pc.index(counted.field("counts"), pc.max(counted.field("counts"))).as_py()
    return str(counted.field("values")[at].as_py())


def summarise(
    rows: pa.Table,
    labels: pa.Table,
    model: WatchedModel | None,
    policy: MonitoringConfig,
    measure: Measure,
    divide: Divide,
    *,
    start_ms: int,
    end_ms: int,
    status: WindowStatus,
) -> WindowSummary:
    """Everything that a window says.

    Args:
        rows: the prediction log between ``start_ms`` and ``end_ms``.
        labels: all labels that may be about these rows, in the order of their arrival.
        model: the version that answered; None leaves only counts and latency.
        policy: thresholds.
        measure: the metrics of the evaluation room.
        divide: what it says of segments and groups.
    """
    latency = latency_of(rows)
    if model is None:
        actual = join_labels(rows["prediction_id"], labels)
        bare = {"champion_version_id": None, "n": rows.num_rows, "latency": latency}
        known = len(actual) - actual.null_count
        span = {"start_ms": start_ms, "end_ms": end_ms, "status": status}
        return WindowSummary.model_validate({**span, **bare, "n_labelled": known})
    features = table_drift(model.reference, rows, policy.drift.threshold, prefix=FEATURE_PREFIX)
    prediction = None
    if model.reference.score is not None:
        scores = version_scores(rows, model.version_id, "binary")
        given = pa.array(scores[~np.isnan(scores)])
        prediction = column_drift(model.reference.score, given, policy.drift.prediction_threshold)
    labelled = labelled_rows(rows, labels, model)
    metric = policy.performance.metric
    wanted = model.metric if metric == "auto" and model.metric else metric
    performance = performance_of(labelled, model, wanted, measure)
    parts = divide(rows, labelled, model, policy.performance, status == "closed")
    return WindowSummary(
        start_ms=start_ms,
        end_ms=end_ms,
        status=status,
        champion_version_id=model.version_id,
        n=rows.num_rows,
        n_labelled=labelled.rows,
        errors=errors_of(labelled, model),
        features=features,
        drifted_share=drifted_share(features),
        prediction=prediction,
        performance=(*performance, *outcomes_of(rows, labelled, model, policy.performance)),
        segments=parts.segments,
        fairness=parts.fairness,
        expected=expectation_of(rows, model, features),
        latency=latency,
    )
