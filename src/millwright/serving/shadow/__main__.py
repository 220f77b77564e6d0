"""``python -m millwright.serving.shadow SOCKET``: scores what a server answered, until it is gone.

It takes the processor when nobody else wants it: what it computes is for comparison, and callers of
the server on the same machine come first.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence

from millwright.kernel.errors import MillwrightError
from millwright.kernel.process import watch_lifeline
from millwright.serving.config import parse_config
from millwright.serving.outcome import Outcome
from millwright.serving.shadow import messages
from millwright.serving.signature import Rows
from millwright.serving.variant import Generation, Variant, load_generation, loaded_of

_NICENESS = 19


class _Scorer:
    """The models of one configuration."""

    def __init__(self) -> None:
        self._generation: Generation | None = None
        self._variants: Mapping[str, Variant] = {}
        self._failed: set[str] = set()

    def serve(self, content: bytes) -> messages.Ready:
        """Load what a configuration names, what is loaded already not again."""
        before = self._generation
        known = {} if before is None else loaded_of(before)
        self._generation = generation = load_generation(parse_config(content), known)
        self._variants = {one.config.version_id: one for one in generation.variants}
        return messages.Ready()

    def score(self, asked: messages.Score) -> messages.Scored:
        """The outcomes of requests, scored together; each alone where that fails."""
        variant = self._variants[asked.version_id]
        try:
            return messages.Scored(_scored(variant, asked.requests))
        except Exception as error:
            if len(asked.requests) == 1:
                self._say_once(asked.version_id, error)
                return messages.Scored([None])
        alone = [
            self.score(messages.Score(asked.version_id, [one])).outcomes for one in asked.requests
        ]
        return messages.Scored(list(itertools.chain.from_iterable(alone)))

    def _say_once(self, version_id: str, error: Exception) -> None:
        if version_id not in self._failed:
            self._failed.add(version_id)
            traceback.print_exception(error, file=sys.stderr)


def _scored(variant: Variant, requests: Sequence[Rows]) -> list[Outcome | None]:
    if len(requests) == 1:
        return [variant.score(requests[0])]
    rows = [variant.plain(one) for one in requests]
    whole = variant.score_plain(list(itertools.chain.from_iterable(rows)))
    ends = list(itertools.accumulate(one.count for one in requests))
    return [whole.part(start, end) for start, end in itertools.pairwise([0, *ends])]


def main(descriptor: int) -> int:
    """Answer the server at the other end of a socket; the exit code."""
    watch_lifeline()
    scorer = _Scorer()
    with socket.socket(fileno=descriptor) as server:
        while (content := messages.receive(server)) is not None:
            asked = messages.asked(content)
            try:
                if isinstance(asked, messages.Score):
                    messages.send(server, scorer.score(asked))
                    continue
                ready = scorer.serve(asked.config)
            except MillwrightError as error:
                sys.stderr.write(f"{error}\n")
                return error.exit_code
            if os.nice(0) < _NICENESS:
                os.nice(_NICENESS)
            messages.send(server, ready)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
