"""A model compiled against the order of an endpoint's fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from millwright.kernel.errors import Corrupt
from millwright.kernel.model_package import Field
from millwright.kernel.scoring import Scorer
from millwright.serving.encoder import RowEncoder
from millwright.serving.outcome import Outcome, Said, interpret
from millwright.serving.signature import Rows


class ModelRows:
    """Rows of an endpoint, scored by a model.

    Attributes:
        plain: few rows as numbers, which ``score_plain`` takes.
    """

    def __init__(self, scorer: Scorer, fields: Sequence[Field]) -> None:
        """Compile the model's encoding; its fields are found by name among ``fields``."""
        self._scorer = scorer
        self._manifest = scorer.manifest
        self._encoder = RowEncoder(scorer.manifest.encoding, fields)
        self.plain = self._encoder.plain

    @property
    def streams(self) -> bool:
        """Whether the model can answer bit by bit."""
        return self._scorer.streams

    def stream(self, rows: Rows) -> Iterator[Said]:
        """What the model says of these rows, one thing after the other.

        Raises:
            Corrupt: it gave scores for another number of rows.
        """
        for said in self._scorer.stream_matrix(self._encoder.encode(rows)):
            if isinstance(said, str):
                yield said
                continue
            if len(said) != rows.count:
                raise Corrupt(
                    "serving.stream_rows",
                    f"The model gave {len(said)} scores for {rows.count} rows.",
                )
            yield interpret(said, self._manifest)

    def score(self, rows: Rows) -> Outcome:
        """The outcome of these rows."""
        return interpret(self._scorer.score_matrix(self._encoder.encode(rows)), self._manifest)

    def score_plain(self, plain: list[list[float]]) -> Outcome:
        """The outcome of rows from ``plain``, of one request or several."""
        return interpret(self._scorer.score_matrix(self._encoder.scaled(plain)), self._manifest)
