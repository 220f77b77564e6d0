"""What the answers of each version have earned: labels that came, by the prediction they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.deployment import Deployment
from millwright.kernel.model_package import Task
from millwright.kernel.store import Store
from millwright.monitoring.label_log import LabelLog
from millwright.monitoring.labels import actual_values, class_codes, join_labels, numbers
from millwright.monitoring.stored_catalog import StoredCatalog
from millwright.monitoring.trial import first_of_each, segments_since
from millwright.monitoring.watched import watched

Floats = npt.NDArray[np.float64]
Rule = Literal["correct", "label"]
_CLOSE = 0.1
"""How far a predicted number may be from the truth, as a share of it, to count as right."""
_SEGMENTS = 2_000


def rewards_of(
    store: Store,
    deployment: Deployment,
    versions: Sequence[str],
    rule: Rule,
    *,
    since_ms: int,
    memory: int,
) -> list[Floats]:
    """The latest rewards of each version that answered, at most ``memory`` each, in order.

    Args:
        store: where the log and the labels are.
        deployment: whose answers.
        versions: ids of the versions.
        rule: ``correct``: 1 for a right answer, 0 for a wrong one. ``label``: the label itself.
        since_ms: answers before it do not count.
        memory: how many of the latest rewards count.
    """
    nothing = [np.empty(0) for _ in versions]
    segments = segments_since(store, deployment, since_ms, latest=_SEGMENTS)
    if not segments:
        return nothing
    labels = LabelLog(store, deployment.project, deployment.id, evaluated=0)
    with store.read() as connection:
        labels.advance(connection)
    rows = pa.concat_tables(
        [one.select(["prediction_id", "version_id", "score", "label"]) for one in segments],
        promote_options="permissive",
    )
    model = StoredCatalog(store).model(watched(store, deployment), deployment.champion_version_id)
    given = join_labels(rows["prediction_id"], labels.table)
    if rule == "label":
        earned = np.clip(numbers(given), 0.0, 1.0)
    elif model is None:
        return nothing
    else:
        earned = correctness(rows, given, model.task, model.classes)
    counted = np.isfinite(earned) & first_of_each(rows["prediction_id"])
    answered_by = rows["version_id"].cast(pa.string())
    return [
        earned[counted & pc.equal(answered_by, version).to_numpy()][-memory:]
        for version in versions
    ]


def correctness(
    rows: pa.Table, given: pa.ChunkedArray, task: Task, classes: Sequence[str]
) -> Floats:
    """1 where the answer of a row was right, 0 where it was wrong, NaN where nobody knows."""
    truth = actual_values(given, task, classes)
    if task == "regression":
        answer = rows["score"].to_numpy()
        right = np.abs(answer - truth) <= _CLOSE * np.abs(truth)
    else:
        answer = class_codes(rows["label"].cast(pa.string()), classes).astype(np.float64)
        right = answer == truth
    return np.where(np.isfinite(truth) & np.isfinite(answer), right.astype(np.float64), np.nan)
