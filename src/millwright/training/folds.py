"""The rows of a search, encoded once per style and thinned where the budget asks for it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from millwright.kernel.encoding import encode
from millwright.kernel.model_package import Encoding, Field
from millwright.training.encoding import Style, fit_encoding
from millwright.training.fitting import Fold
from millwright.training.task import TARGET, TaskSpec, target_values

CELLS_PER_SECOND = 60_000
"""Cells (rows x fields) per trial and second of budget: a dozen or two trials on two cores. Boosting
only shows what it can do on many rows, so a few trials on many beat many on a few."""
MIN_SEARCH_ROWS = 4_000
MAX_VALID_ROWS = 20_000


class Folds:
    """Training and validation rows as the families want them.

    The number of rows to search on depends on the data's size and the budget, never on a clock,
    so that the same search picks the same rows again.
    """

    def __init__(
        self,
        train: pa.Table,
        valid: pa.Table,
        fields: tuple[Field, ...],
        spec: TaskSpec,
        budget_ms: int,
        seed: int,
    ) -> None:
        affordable = int(budget_ms / 1000 * CELLS_PER_SECOND / max(len(fields), 1))
        generator = np.random.default_rng(seed)
        self.fields, self.spec, self._seed = fields, spec, seed
        self.total_rows: int = train.num_rows + valid.num_rows
        self._train, self._valid = train, valid
        self._learn = _sample(train, max(affordable, MIN_SEARCH_ROWS), generator)
        self._check = _sample(valid, MAX_VALID_ROWS, generator)
        self.search_rows: int = self._learn.num_rows
        self.valid_target = target_values(self._check[TARGET], spec)
        self._encoded: dict[Style, tuple[Encoding, Fold, Fold]] = {}

    def search_rows_of(self, style: Style) -> tuple[Encoding, Fold, Fold]:
        """The encoding, the rows to learn from and the rows to check on."""
        if style not in self._encoded:
            encoding = fit_encoding(self._learn, self.fields, style)
            learn, check = (fold(part, encoding, self.spec) for part in (self._learn, self._check))
            self._encoded[style] = (encoding, learn, check)
        return self._encoded[style]

    def all_rows(self, style: Style, most: int) -> tuple[Encoding, Fold]:
        """The rows of both parts, thinned evenly to ``most``, with the encoding that they give."""
        self._encoded.clear()
        together = pa.concat_tables([self._train, self._valid], promote_options="permissive")
        together = _sample(together, most, np.random.default_rng(self._seed))
        encoding = fit_encoding(together, self.fields, style)
        return encoding, fold(together, encoding, self.spec)


def fold(table: pa.Table, encoding: Encoding, spec: TaskSpec) -> Fold:
    """The rows of a table, encoded, with their targets."""
    return Fold(encode(table, encoding), target_values(table[TARGET], spec))


def _sample(table: pa.Table, most: int, generator: np.random.Generator) -> pa.Table:
    if table.num_rows <= most:
        return table
    return table.take(np.sort(generator.choice(table.num_rows, most, replace=False)))
