"""How the answers of two versions differ on the same rows: the report on a shadow or a canary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from millwright.kernel.model_package import Task
from millwright.kernel.record import Record

Floats = npt.NDArray[np.float64]
_Z = 1.959963984540054
_SHOWN = 10
NOTABLE = 0.1
"""How far apart two predicted numbers are, as a share of the larger, to be different answers."""


class Change(Record):
    """Rows that the champion gives one class and the variant another."""

    champion: str
    variant: str
    rows: int


class FarRow(Record):
    """One of the rows on which the two are furthest apart."""

    prediction_id: str
    champion: float
    variant: float


class Differences(Record):
    """A variant against the champion on the rows that both scored."""

    variant: str
    rows: int
    differing: int
    """Rows with another answer: another class, or a number more than a tenth away."""
    share_low: float | None
    """95 % interval (Wilson) of the share of differing rows; None without rows."""
    share_high: float | None
    mean: float | None
    """Mean of the variant's score less the champion's; for several classes, of the class that the
    champion chose."""
    mean_absolute: float | None
    p95_absolute: float | None
    largest: float | None
    changes: tuple[Change, ...] = ()
    """Between classes, the most frequent first."""
    furthest: tuple[FarRow, ...] = ()


def compare(
    variant: str,
    ids: pa.ChunkedArray,
    champion: Floats,
    challenger: Floats,
    task: Task,
    classes: Sequence[str],
) -> Differences:
    """The report on rows that both scored.

    Args:
        variant: its name.
        ids: prediction ids, ``(n,)``.
        champion: scores, ``(n,)`` or ``(n, k)``; NaN where it did not score.
        challenger: the variant's on the same rows.
        task: what the scores are.
        classes: their names, where there are any.
    """
    flat = champion + challenger
    both = np.isfinite(flat if flat.ndim == 1 else flat.sum(axis=1))
    ours, theirs = champion[both], challenger[both]
    rows = len(ours)
    nothing = Differences(
        variant=variant,
        rows=0,
        differing=0,
        share_low=None,
        share_high=None,
        mean=None,
        mean_absolute=None,
        p95_absolute=None,
        largest=None,
    )
    if not rows:
        return nothing
    differs = scores_differ(ours, theirs, task)
    low, high = _wilson(int(differs.sum()), rows)
    ours_one, theirs_one = _one_number(ours, theirs)
    gap = theirs_one - ours_one
    absolute = np.abs(gap)
    furthest = np.argsort(-absolute, kind="stable")[:_SHOWN]
    names = ids.filter(pa.array(both)).take(pa.array(furthest)).to_pylist()
    return Differences(
        variant=variant,
        rows=rows,
        differing=int(differs.sum()),
        share_low=low,
        share_high=high,
        mean=float(gap.mean()),
        mean_absolute=float(absolute.mean()),
        p95_absolute=float(np.quantile(absolute, 0.95)),
        largest=float(absolute.max()),
        changes=_changes(ours, theirs, task, classes),
        furthest=tuple(
            FarRow(prediction_id=name, champion=float(ours_one[i]), variant=float(theirs_one[i]))
            for name, i in zip(names, furthest, strict=True)
        ),
    )


def _one_number(ours: Floats, theirs: Floats) -> tuple[Floats, Floats]:
    if ours.ndim == 1:
        return ours, theirs
    best = ours.argmax(axis=1)
    rows = np.arange(len(ours))
    return ours[rows, best], theirs[rows, best]


def _changes(
    ours: Floats, theirs: Floats, task: Task, classes: Sequence[str]
) -> tuple[Change, ...]:
    if task == "regression":
        return ()
    if task == "binary":
        before, after = (ours >= 0.5).astype(int), (theirs >= 0.5).astype(int)
    else:
        before, after = ours.argmax(axis=1), theirs.argmax(axis=1)
    pairs = Counter((a, b) for a, b in zip(before.tolist(), after.tolist(), strict=True) if a != b)
    return tuple(
        Change(champion=classes[a], variant=classes[b], rows=n)
        for (a, b), n in pairs.most_common(_SHOWN)
    )


def _wilson(hits: int, n: int) -> tuple[float, float]:
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * float(np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)))
    return max(0.0, middle - half), min(1.0, middle + half)


def scores_differ(ours: Floats, theirs: Floats, task: Task) -> npt.NDArray[np.bool_]:
    """Whether two scores of a row mean different answers."""
    if task == "multiclass":
        found = ours.argmax(axis=1) != theirs.argmax(axis=1) if ours.size else np.zeros(0, bool)
    elif task == "binary":
        found = (ours >= 0.5) != (theirs >= 0.5)
    else:
        largest = np.maximum(np.abs(ours), np.abs(theirs))
        found = np.abs(ours - theirs) > NOTABLE * largest
    return np.asarray(found, dtype=np.bool_)
