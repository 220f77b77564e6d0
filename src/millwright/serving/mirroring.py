"""Requests scored a second time, by another version, beside and after their answer.

The answer never waits for it: a thread of its own takes what was answered, scores it in batches and
hands it to the prediction log with both scores. What comes faster than the other version can score
is logged without its score, and counted.
"""

from __future__ import annotations

import itertools
import math
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from millwright.serving.config import CHAMPION
from millwright.serving.outcome import Outcome
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.segments import Logged

if TYPE_CHECKING:
    from millwright.serving.variant import Variant

MOST_ROWS = 128
"""Rows of one run of the model."""
WAITING_ROWS = 4096
"""Rows that may wait; what comes then is logged without the second score."""
NOTABLE = 0.1
"""How far apart two predicted numbers are, as a share of the larger, to be different answers."""
_GATHER_SECONDS = 0.005
"""Pause between turns, so that the thread takes many requests at a time and wakes seldom."""
_CLOSE_SECONDS = 3.0


class _Waiting(NamedTuple):
    variant: Variant
    entry: Logged


class Mirror:
    """Scores the requests of one endpoint again. ``take`` may be called from any thread.

    Attributes:
        log: where every request goes in the end.
        rows: how many rows were ``scored``, ``dropped`` or ``failed``, by variant and outcome.
        differing: scored rows on which the two versions differ, by variant.
    """

    def __init__(self, log: PredictionLog) -> None:
        """Prepare; the thread begins with the first request."""
        self.log = log
        self.rows: Counter[tuple[str, str]] = Counter()
        self.differing: Counter[str] = Counter()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._ends = math.inf
        self._thread: threading.Thread | None = None

    @property
    def waiting_rows(self) -> int:
        """Rows that were answered and wait for their second score."""
        return self._waiting_rows

    def take(self, variant: Variant, entry: Logged) -> None:
        """Score a request that was answered with ``variant`` too, then log it."""
        count = entry.rows.count
        with self._lock:
            room = self._waiting_rows + count <= WAITING_ROWS and not self._closing
            if room:
                self._waiting.append(_Waiting(variant, entry))
                self._waiting_rows += count
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)
                    self._thread.start()
        if room:
            self._wake.set()
        else:
            self._leave([_Waiting(variant, entry)], "dropped")

    def close(self) -> None:
        """Score what waits, for a few seconds at most; the rest is logged without."""
        self._ends = time.monotonic() + _CLOSE_SECONDS
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2 * _CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if not self._closing:
                time.sleep(_GATHER_SECONDS)
            self._wake.clear()
            closing = self._closing
            while batch := self._next_batch():
                if time.monotonic() > self._ends:
                    self._leave(batch, "dropped")
                else:
                    self._score(batch)
            if closing:
                return

    def _next_batch(self) -> list[_Waiting]:
        """What waits longest and goes to the same variant, as much as one run takes."""
        batch: list[_Waiting] = []
        size = 0
        with self._lock:
            while self._waiting:
                first = self._waiting[0]
                count = first.entry.rows.count
                if batch and (first.variant is not batch[0].variant or size + count > MOST_ROWS):
                    break
                batch.append(self._waiting.popleft())
                size += count
            self._waiting_rows -= size
        return batch

    def _score(self, batch: Sequence[_Waiting]) -> None:
        variant = batch[0].variant
        try:
            if len(batch) == 1:
                whole = variant.score(batch[0].entry.rows)
            else:
                rows = [variant.plain(waiting.entry.rows) for waiting in batch]
                whole = variant.score_plain(list(itertools.chain.from_iterable(rows)))
        except Exception as error:
            if len(batch) > 1:
                for waiting in batch:  # somebody's rows cannot be scored; whose, shows each alone
                    self._score([waiting])
                return
            if not self.rows[_name_of(batch[0]), "failed"]:
                traceback.print_exception(error, file=sys.stderr)
            self._leave(batch, "failed")
            return
        start = 0
        for waiting in batch:
            end = start + waiting.entry.rows.count
            self._finish(waiting, whole.part(start, end))
            start = end

    def _finish(self, waiting: _Waiting, outcome: Outcome) -> None:
        entry, name = waiting.entry, _name_of(waiting)
        self.rows[name, "scored"] += entry.rows.count
        if entry.outcome is not None:
            self.differing[name] += differences(entry.outcome, outcome)
        version = waiting.variant.config.version_id
        both = msgspec.structs.replace(entry, shadow_version_id=version, shadow=outcome)
        self.log.append(both)

    def _leave(self, batch: Sequence[_Waiting], why: str) -> None:
        for waiting in batch:
            self.rows[_name_of(waiting), why] += waiting.entry.rows.count
            self.log.append(waiting.entry)


def _name_of(waiting: _Waiting) -> str:
    """Whose comparison with the champion this is, whichever of the two answered."""
    answered = waiting.entry.variant
    return waiting.variant.config.name if answered == CHAMPION else answered


def differences(ours: Outcome, theirs: Outcome) -> int:
    """On how many rows two outcomes mean different answers: another label, or a number more than a
    tenth away."""
    if ours.labels is not None and theirs.labels is not None:
        return sum(a != b for a, b in zip(ours.labels, theirs.labels, strict=True))
    pairs = zip(ours.scores, theirs.scores, strict=True)
    return sum(abs(a - b) > NOTABLE * max(abs(a), abs(b)) for a, b in pairs)
