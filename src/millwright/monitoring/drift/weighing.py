"""A window's columns weighed together with the windows before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from millwright.monitoring.drift.records import (
    ColumnDrift,
    ColumnEvidence,
    ColumnReference,
    Reference,
)
from millwright.monitoring.policy.evidence import SCALES, Resemblance, evidence

Counts = npt.NDArray[np.int64]
MOST_WINDOWS = SCALES[-1]
"""Windows, the newest included, that evidence looks back on."""


def with_evidence(
    features: Sequence[ColumnDrift],
    reference: Reference,
    earlier: Sequence[tuple[int, Mapping[str, tuple[int, ...]]]],
    start_ms: int,
) -> tuple[ColumnDrift, ...]:
    """The columns of a window, each with what all windows up to it say.

    Args:
        features: the window's columns.
        reference: what they are compared with.
        earlier: start and counts by feature of the windows before, oldest first, of the same model.
        start_ms: start of this window.
    """
    known = {column.feature: column for column in reference.columns}
    return tuple(
        drift.model_copy(
            update={
                "evidence": _weigh(drift, known[drift.feature], earlier, start_ms, len(features))
            }
        )
        if drift.feature in known
        else drift
        for drift in features
    )


def _weigh(
    drift: ColumnDrift,
    reference: ColumnReference,
    earlier: Sequence[tuple[int, Mapping[str, tuple[int, ...]]]],
    start_ms: int,
    columns: int,
) -> ColumnEvidence | None:
    cells = len(reference.counts)
    before = [
        (start, np.asarray(counts[drift.feature], dtype=np.int64))
        for start, counts in earlier[-(MOST_WINDOWS - 1) :]
        if len(counts.get(drift.feature, ())) == cells
    ]
    windows = [*before, (start_ms, np.asarray(drift.counts, dtype=np.int64))]
    found = evidence(
        np.asarray(reference.counts, dtype=np.int64),
        [counts for _, counts in windows],
        columns,
        widths=np.asarray(reference.widths) if reference.widths else None,
        resemblance=Resemblance(reference.design_effect, reference.stretch),
    )
    if found is None:
        return None
    return ColumnEvidence(
        tier=found.tier,
        effect=found.effect,
        unit="standard deviations" if reference.widths else "of its rows",
        p_value=found.p_value,
        windows=found.windows,
        rows=found.rows,
        since_ms=windows[-found.windows][0],
        cell=reference.bins.labels[found.cell],
        share_then=found.then,
        share_now=found.now,
        promised=found.promised,
    )
