"""Which rows to learn from and which to keep: by time where there is time, else at random."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from millwright.kernel.errors import InvalidInput
from millwright.training.task import TARGET, TIME

Rows = npt.NDArray[np.int64]
"""Sorted row positions."""


def split(table: pa.Table, holdout: float, time: bool, seed: int) -> tuple[Rows, Rows]:
    """Positions of the rows to learn from and of those kept back.

    With ``time`` the latest rows are kept, and rows of one moment stay together, so nothing in
    the first part is later than anything in the second. Otherwise rows are drawn at random, the
    same share of every class where the target is text.

    Raises:
        InvalidInput: ``time`` is asked for and the table has no ``__time``, or one of the parts
            would be empty.
    """
    rows = table.num_rows
    kept = round(rows * holdout)
    if kept < 1 or kept >= rows:
        raise InvalidInput(
            "training.too_few_rows",
            f"{rows} rows cannot be split with a holdout of {holdout:g}.",
            hint="Add rows, or set training.holdout to a share such as 0.2.",
            value=rows,
        )
    if time:
        return _by_time(table, kept)
    generator = np.random.default_rng(seed)
    target = table[TARGET] if TARGET in table.column_names else None
    if target is None or not _is_text(target.type):
        order = generator.permutation(rows)
        return np.sort(order[kept:]), np.sort(order[:kept])
    codes = pc.fill_null(pc.dictionary_encode(target).combine_chunks().indices, -1)
    return _stratified(codes.to_numpy(zero_copy_only=False), holdout, generator)


def three_way(
    table: pa.Table, holdout: float, time: bool, seed: int
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Search-training, search-validation and test tables.

    The test part is split off first and is never seen by the search; the rest is split the same
    way once more.
    """
    develop, test = split(table, holdout, time, seed)
    rest = table.take(develop)
    train, valid = split(rest, holdout, time, seed + 1)
    return rest.take(train), rest.take(valid), table.take(test)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    )


def _by_time(table: pa.Table, kept: int) -> tuple[Rows, Rows]:
    if TIME not in table.column_names:
        raise InvalidInput(
            "training.no_time",
            "A split by time needs a time column, and there is none.",
            hint="Name it as data.time in millwright.yaml.",
        )
    moments = pc.fill_null(pc.cast(table[TIME], pa.int64()), np.iinfo(np.int64).min)
    values = moments.to_numpy().astype(np.int64)
    order = np.argsort(values, kind="stable")
    cut = values[order[-kept]]
    late = values >= cut
    if late.all():
        # Most rows share the latest moments: keep what is strictly later, else go by position.
        late = values > cut
    if not late.any():
        late = np.zeros(len(values), dtype=bool)
        late[order[-kept:]] = True
    return np.flatnonzero(~late), np.flatnonzero(late)


def _stratified(
    codes: npt.NDArray[np.integer], holdout: float, generator: np.random.Generator
) -> tuple[Rows, Rows]:
    kept = np.zeros(len(codes), dtype=bool)
    for code in np.unique(codes):
        members = generator.permutation(np.flatnonzero(codes == code))
        # Every class with two rows or more is present on both sides.
        count = min(max(round(len(members) * holdout), 1), len(members) - 1)
        kept[members[:count]] = True
    return np.flatnonzero(~kept), np.flatnonzero(kept)
