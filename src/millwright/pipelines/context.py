"""What a running step can ask and say: ``step_context()`` and ``progress(...)``."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from millwright.kernel.errors import Conflict, InvalidInput
from millwright.kernel.provenance import knows_origin

if TYPE_CHECKING:
    from millwright.kernel.door import Door


class Cancelled(Conflict):
    """Somebody asked for the run to stop."""

    def __init__(self) -> None:
        super().__init__("pipelines.cancelled", "The run was cancelled.")


@dataclass(frozen=True)
class Progress:
    """How far a step is. ``rate`` is per second; ``left_ms`` is unknown until there is a rate."""

    done: float
    total: float | None
    note: str
    rate: float | None
    left_ms: int | None


def unknown_secret(name: str) -> str:
    """What is answered where no secrets are declared."""
    raise InvalidInput(
        "pipelines.undeclared_secret",
        f"This step declares no secret {name!r}.",
        hint=f'Declare it: @mw.step(secrets={{"{name}": "env:{name.upper()}"}})',
        value=name,
    )


@dataclass(frozen=True)
class StepContext:
    """The surroundings of a running step.

    Attributes:
        run_id: the pipeline run.
        project: its project.
        task: the name of the node.
        attempt: 1 at the first try of this step.
        seed: a number that depends only on what the step is given, so that it repeats.
    """

    run_id: str
    project: str
    task: str
    attempt: int
    seed: int
    _workdir: Callable[[], Path]
    _door: Callable[[], Door]
    _report: Callable[[Progress], None]
    _is_cancelled: Callable[[], bool]
    _secret: Callable[[str], str] = unknown_secret
    _started: float = field(default_factory=time.monotonic)

    @property
    def door(self) -> Door:
        """The way to the control plane."""
        return self._door()

    @property
    def workdir(self) -> Path:
        """A folder of the step's own, removed after it."""
        return self._workdir()

    def secret(self, name: str) -> str:
        """The value of a secret that the step declares with ``@step(secrets=…)``.

        Raises:
            InvalidInput: it declares none of that name.
            NotFound: nothing is where the secret should be.
        """
        return self._secret(name)

    @property
    def cancelled(self) -> bool:
        """Whether the step should stop; ``progress`` raises ``Cancelled`` then."""
        return self._is_cancelled()


current: ContextVar[StepContext | None] = ContextVar("millwright_step", default=None)


@knows_origin
def _pipeline_run() -> str | None:
    found = current.get()
    return None if found is None else f"pipeline-run:{found.run_id}"


def step_context() -> StepContext:
    """The surroundings of the step that calls this.

    Raises:
        InvalidInput: no step is running here.
    """
    found = current.get()
    if found is None:
        raise InvalidInput(
            "pipelines.no_context",
            "step_context() was called outside a running step.",
            hint="Call it inside a function decorated with @mw.step that a pipeline runs.",
        )
    return found


def progress(done: float, total: float | None = None, note: str = "") -> None:
    """Say how far the running step is. Outside a pipeline it does nothing.

    Raises:
        Cancelled: the run was cancelled; let it pass, and the step ends here.
    """
    found = current.get()
    if found is None:
        return
    if found.cancelled:
        raise Cancelled()
    seconds = time.monotonic() - found._started
    found._report(progress_at(done, total, note, seconds))


def progress_at(done: float, total: float | None, note: str, seconds: float) -> Progress:
    """Progress with rate and time left after so many seconds.

    >>> progress_at(20, 100, "", 4.0)
    Progress(done=20, total=100, note='', rate=5.0, left_ms=16000)
    """
    rate = done / seconds if seconds > 0 and done > 0 else None
    left = None if rate is None or total is None else round(max(total - done, 0) / rate * 1000)
    return Progress(done=done, total=total, note=note, rate=rate, left_ms=left)
