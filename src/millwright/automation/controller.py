"""What a controller is."""

from __future__ import annotations

from typing import Protocol


class Controller(Protocol):
    """Makes what is true follow what should be true, a little at every call."""

    def reconcile(self) -> None:
        """Look, compare, act. Called again and again; doing nothing when nothing is to do."""

    def shutdown(self) -> None:
        """End everything it started."""
