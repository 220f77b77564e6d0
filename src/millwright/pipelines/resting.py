"""Letting the garbage collector rest while only a plan is made and looked up.

That makes thousands of records, all of which are needed until the end; walking them again and again
costs a quarter of the time of a run all of whose steps are known.
"""

from __future__ import annotations

import gc


class CollectorAtRest:
    """The collector pauses from here until ``end``, which may be said twice."""

    def __init__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def end(self) -> None:
        """Collect again, before a step's own code runs."""
        if self._was_on:
            self._was_on = False
            gc.enable()
