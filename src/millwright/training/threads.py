"""How many threads a fit may use, and how they wait for each other."""

from __future__ import annotations

import os


def threads() -> int:
    """How many threads one fit may use: ``MILLWRIGHT_THREADS``, else two."""
    text = os.environ.get("MILLWRIGHT_THREADS", "")
    return max(1, int(text)) if text.isdigit() else min(2, os.cpu_count() or 1)


def wait_without_spinning() -> None:
    """Let OpenMP threads sleep while they wait.

    By default they spin, and where another process uses a core (a server that answers while a
    challenger trains) a fit then takes several times as long. Has an effect only before the
    first OpenMP library is loaded, so it is called before LightGBM or scikit-learn is imported;
    a policy that the user has set is left alone.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
