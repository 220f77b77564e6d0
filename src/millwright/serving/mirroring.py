"""Requests scored a second time, by another version, beside and after their answer.

The answer never waits for it, and the server's process does not compute it: a thread takes what was
answered, has a process of its own score it in batches, and hands it to the prediction log with both
scores. What comes faster than the other version can score is logged without its score, and counted.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from millwright.serving.config import CHAMPION
from millwright.serving.outcome import Outcome
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.segments import Logged
from millwright.serving.shadow.process import ShadowGone, ShadowProcess

if TYPE_CHECKING:
    from millwright.serving.config import ServerConfig
    from millwright.serving.variant import Generation, Variant

MOST_ROWS = 128
"""Rows of one run of the model."""
WAITING_ROWS = 4096
"""Rows that may wait; what comes then is logged without the second score."""
NOTABLE = 0.1
"""How far apart two predicted numbers are, as a share of the larger, to be different answers."""
_GATHER_SECONDS = 0.005
"""Pause between turns, so that the thread takes many requests at a time and wakes seldom."""
_CLOSE_SECONDS = 3.0
_LONGEST_DELAY = 15.0


class _Waiting(NamedTuple):
    config: ServerConfig
    variant: Variant
    entry: Logged


class Mirror:
    """Has the requests of one endpoint scored again. ``take`` may be called from any thread.

    Attributes:
        log: where every request goes in the end.
        rows: how many rows were ``scored``, ``dropped`` or ``failed``, by variant and outcome.
        differing: scored rows on which the two versions differ, by variant.
        ended: how often the process that scores ended unasked.
    """

    def __init__(self, log: PredictionLog) -> None:
        """Prepare; thread and process begin with the first configuration that mirrors."""
        self.log = log
        self.rows: Counter[tuple[str, str]] = Counter()
        self.differing: Counter[str] = Counter()
        self.ended = 0
        self._wanted: ServerConfig | None = None
        self._waiting: deque[_Waiting] = deque()
        self._waiting_rows = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._ends = math.inf
        self._thread: threading.Thread | None = None
        self._apart = ShadowProcess(self._is_over)
        self._failures = 0
        self._not_before = -math.inf

    @property
    def waiting_rows(self) -> int:
        """Rows that were answered and wait for their second score."""
        return self._waiting_rows

    def expect(self, generation: Generation | None) -> None:
        """Be ready for what a generation mirrors; where it mirrors nothing, have no process."""
        mirrors = generation is not None and any(one.config.mirror for one in generation.variants)
        self._wanted = generation.config if generation is not None and mirrors else None
        with self._lock:
            if self._thread is None and mirrors:
                self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)
                self._thread.start()
        self._wake.set()

    def take(self, config: ServerConfig, variant: Variant, entry: Logged) -> None:
        """Have a request that was answered under ``config`` scored by ``variant`` too, then log
        it."""
        count = entry.rows.count
        with self._lock:
            room = self._waiting_rows + count <= WAITING_ROWS and not self._closing
            if room:
                self._waiting.append(_Waiting(config, variant, entry))
                self._waiting_rows += count
        if not room:
            self._leave([_Waiting(config, variant, entry)], "dropped")
        elif not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Score what waits, for a few seconds at most; the rest is logged without."""
        self._ends = time.monotonic() + _CLOSE_SECONDS
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2 * _CLOSE_SECONDS)

    def _is_over(self) -> bool:
        return time.monotonic() > self._ends

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if not self._closing:
                time.sleep(_GATHER_SECONDS)
            self._wake.clear()
            closing = self._closing
            while batch := self._next_batch():
                self._score(batch)
            wanted = None if closing else self._wanted
            if wanted is None:
                self._apart.end()
            else:
                self._is_there(wanted)
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

    def _is_there(self, config: ServerConfig) -> bool:
        """Whether the process serves ``config``, which is now made so where it may be."""
        if time.monotonic() < self._not_before:
            return False
        try:
            self._apart.serve(config)
        except ShadowGone:
            self._note_end()
            return False
        return True

    def _score(self, batch: Sequence[_Waiting]) -> None:
        config, variant, _ = batch[0]
        if self._is_over() or not self._is_there(config):
            self._leave(batch, "dropped")
            return
        try:
            outcomes = self._apart.score(
                variant.config.version_id, [waiting.entry.rows for waiting in batch]
            )
        except ShadowGone:
            self._note_end()
            self._leave(batch, "failed")
            return
        self._failures = 0
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if outcome is None:
                self._leave([waiting], "failed")
            else:
                self._finish(waiting, outcome)

    def _note_end(self) -> None:
        """The process is gone: who ends again and again is started ever less often."""
        if self._is_over():
            return
        self.ended += 1
        self._failures += 1
        delay = min(_LONGEST_DELAY, 0.25 * 2**self._failures)
        self._not_before = time.monotonic() + delay
        sys.stderr.write(
            f"The process that scores beside the answers ended; another starts in {delay:g} s.\n"
        )

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
