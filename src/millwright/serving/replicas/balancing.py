"""Which worker takes a request: the less loaded of two that are drawn at random.

Source: Mitzenmacher (2001), "The power of two choices in randomized load balancing".
"""

from __future__ import annotations

import random
from collections.abc import Sequence


def less_loaded_of_two(loads: Sequence[int], draw: random.Random) -> int:
    """The place of a worker; ``loads`` are requests under way, at least one of them.

    >>> less_loaded_of_two([3, 0], random.Random(1))
    1
    """
    if len(loads) == 1:
        return 0
    first = draw.randrange(len(loads))
    second = draw.randrange(len(loads) - 1)
    second += second >= first
    return second if loads[second] < loads[first] else first
