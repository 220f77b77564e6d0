"""What the code that runs now reads and came of: told by the rooms that know, heard by tracking.

Reading a dataset inside a run makes it an input of that run, and a run started inside a pipeline's
step comes of that pipeline run, without anybody saying so. The rooms that know (data, pipelines)
and the one that keeps it (tracking) do not import one another for it.
"""

from __future__ import annotations

from collections.abc import Callable

Hearer = Callable[[str, str], None]
"""Takes a project and the id of a dataset version that was read just now."""
Origin = Callable[[], str | None]
"""The lineage node that the code running now came of, if there is one."""

Feeding = Callable[[str], bool]
"""Whether what is read of a project just now feeds a run."""

_hearers: list[Hearer] = []
_origins: list[Origin] = []
_feeding: list[Feeding] = []


def note_read(project: str, version_id: str) -> None:
    """Say that a dataset version is being read."""
    for hear in _hearers:
        hear(project, version_id)


def hear_reads(hearer: Hearer) -> None:
    """Be told of what is read from now on; the same hearer again changes nothing."""
    if hearer not in _hearers:
        _hearers.append(hearer)


def knows_origin(origin: Origin) -> Origin:
    """Register who may know what the code running now came of; a decorator."""
    _origins.append(origin)
    return origin


def origin_now() -> str | None:
    """What the code running now came of."""
    return next((found for origin in _origins if (found := origin()) is not None), None)


def knows_feeding(feeding: Feeding) -> Feeding:
    """Register who may know that a run is active; a decorator."""
    _feeding.append(feeding)
    return feeding


def feeds_run(project: str) -> bool:
    """Whether the code running now is a step, or has an active run of this project."""
    return origin_now() is not None or any(feeding(project) for feeding in _feeding)
