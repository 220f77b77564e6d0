"""Which of the fires that are due start a run: a pure function of the catch-up policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

LATE_MS = 60_000
"""A fire younger than this was not missed: something was only slow to look."""


def missed(
    fires: Sequence[int],
    policy: Literal["skip", "latest", "all"],
    now_ms: int,
    *,
    more: bool,
) -> dict[int, str]:
    """The fires that start nothing, each with the reason.

    Args:
        fires: those that are due, oldest first.
        policy: of the schedule.
        now_ms: the present.
        more: further fires are due that are not among these.

    >>> missed([0, 60_000, 120_000], "latest", 125_000, more=False)
    {0: 'A later fire was due.', 60000: 'A later fire was due.'}
    >>> missed([0, 120_000], "skip", 125_000, more=False)
    {0: 'It was missed by 125 s.'}
    """
    if policy == "all":
        return {}
    if policy == "latest":
        passed = fires if more else fires[:-1]
        return dict.fromkeys(passed, "A later fire was due.")
    return {
        fire: f"It was missed by {(now_ms - fire) // 1000} s."
        for fire in fires
        if now_ms - fire > LATE_MS
    }
