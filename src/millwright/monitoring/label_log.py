"""All labels of a deployment, in memory, each prediction once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from millwright.kernel.errors import MillwrightError
from millwright.kernel.store import Store
from millwright.monitoring.labels import SCHEMA
from millwright.monitoring.window_log import new_label_segments


class LabelLog:
    """The labels posted so far; ``advance`` reads those that are new.

    Attributes:
        table: prediction id and value, the latest value of each id.
        cursor: the last label object that ``table`` holds.
    """

    def __init__(self, store: Store, project: str, deployment_id: str, *, evaluated: int) -> None:
        """``evaluated``: the last label object that windows have taken into account."""
        self._objects = store.objects.of(project)
        self._deployment_id = deployment_id
        self._evaluated = evaluated
        self.cursor = 0
        self.table: pa.Table = SCHEMA.empty_table().select(["prediction_id", "value"])

    def advance(self, connection: Connection) -> pa.Table | None:
        """Take in what is new; the labels that windows do not know of yet, None without any."""
        fresh = new_label_segments(connection, self._deployment_id, self.cursor)
        if not fresh:
            return None
        tables, unknown = [], []
        for segment in fresh:
            try:
                content = self._objects.read(segment.digest)
                table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
            except (MillwrightError, pa.ArrowInvalid):
                continue
            tables.append(table.select(["prediction_id", "value"]))
            if segment.seq > self._evaluated:
                unknown.append(tables[-1])
        self.cursor = fresh[-1].seq
        self.table = _latest(pa.concat_tables([self.table, *tables]))
        return pa.concat_tables(unknown) if unknown else None


def _latest(labels: pa.Table) -> pa.Table:
    ids = labels["prediction_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    last = np.full(int(ids.max()) + 1 if ids.size else 0, -1, dtype=np.int64)
    # Assignment in order: the last row of an id stays.
    last[ids] = np.arange(ids.size)
    return labels.take(np.sort(last)).combine_chunks()
