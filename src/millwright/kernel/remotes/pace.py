"""How much of a push is under way at once, so that a kill or a long outage costs seconds, not packs.

What was under way is sent again, as a cloud store tells nobody of the parts of an upload that it
never saw the end of. So packs are as large as some seconds of sending on the line at hand allow: one
part at a time on a slow line, several whole packs on a fast one.
"""

from __future__ import annotations

from typing import Final

from millwright.kernel.objects.pack_format import LARGEST_PACK

PART: Final = 8 << 20
"""The least that a pack is cut to: one part of an upload."""
_FIRST: Final = 16 << 20
"""Before anything is known of the line."""
_SECONDS: Final = 8.0


class Pace:
    """The size of the next pack, and how many may be under way.

    Example: on a line of 1 MB/s one part at a time, on one of 100 MB/s four whole packs.

        >>> slow, fast = Pace(jobs=4), Pace(jobs=4)
        >>> slow.learn(sent=16 << 20, seconds=16.0)
        >>> slow.pack_bytes >> 20, slow.jobs
        (8, 1)
        >>> fast.learn(sent=200 << 20, seconds=2.0)
        >>> fast.pack_bytes >> 20, fast.jobs
        (64, 4)
    """

    def __init__(self, jobs: int, pack_bytes: int = _FIRST) -> None:
        self._most_jobs = jobs
        self.jobs = jobs
        self.pack_bytes = pack_bytes

    @classmethod
    def of_folder(cls, jobs: int) -> Pace:
        """Whole packs from the start: what is written is there, and a rename sends it."""
        return cls(jobs, LARGEST_PACK)

    def learn(self, sent: int, seconds: float) -> None:
        """Hear how many bytes arrived in how long, since the first was under way."""
        window = sent / max(seconds, 1e-3) * _SECONDS
        self.pack_bytes = int(min(max(window / self._most_jobs, PART), LARGEST_PACK))
        self.jobs = max(min(round(window / self.pack_bytes), self._most_jobs), 1)
