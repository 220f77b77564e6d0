"""How far the story has come, so that running the command again continues it."""

from __future__ import annotations

from pathlib import Path

from millwright.kernel.record import Record


class WeekResult(Record):
    """What one simulated week came to: the metric of what served, and of the first model."""

    starts: str
    rows: int
    drifted_share: float
    champion_version: int
    served: float | None
    frozen: float | None


class DemoState(Record):
    """The story so far. Written whole after each week, never in place."""

    weeks_played: int = 0
    seconds: float = 0.0
    """How long the story has taken, over all its starts."""
    results: tuple[WeekResult, ...] = ()
    """Filled in when the year is over."""


def load_state(path: Path) -> DemoState:
    """The state at a path; a fresh one where there is none."""
    if not path.exists():
        return DemoState()
    return DemoState.model_validate_json(path.read_text("utf-8"))


def save_state(path: Path, state: DemoState) -> None:
    """Replace the state: a reader sees the old one or the new one, never half."""
    temporary = path.with_suffix(".part")
    temporary.write_text(state.model_dump_json(indent=1), "utf-8")
    temporary.replace(path)
