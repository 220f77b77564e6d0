"""How an engine speaks to the control plane: over HTTP, or to the ledger in its own process.

Both ways commit the same waves by the same code in the same transactions. In one process nothing is
gained by turning two hundred records into HTTP requests and back; who may write is settled there,
since the process owns the files. Everything else a step asks goes through the door.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Protocol

from millwright.pipelines.records import (
    Found,
    Launch,
    Launched,
    Lookup,
    Pulse,
    SlotAnswer,
    SlotRequest,
    Wave,
)

if TYPE_CHECKING:
    from pathlib import Path

    from millwright.kernel.door import Door
    from millwright.kernel.workspace import Workspace


class Doorway(Protocol):
    """What an engine asks of the control plane. Errors are those of the ledger."""

    def look_up(self, project: str, wanted: Lookup) -> Found:
        """Earlier results of steps."""

    def launch(self, project: str, launch: Launch) -> Launched:
        """Enter a run that the caller executes itself."""

    def commit(self, project: str, run_id: str, wave: Wave, contents: Sequence[bytes]) -> Pulse:
        """Store the contents of outputs, then commit the changes that name them."""

    def slots(self, project: str, run_id: str, request: SlotRequest) -> SlotAnswer:
        """Ask for slots of a pool."""

    def read(self, project: str, digests: Sequence[str]) -> list[bytes]:
        """The bytes of stored outputs."""

    def put(self, project: str, content: bytes | Path) -> str:
        """Store an output that is too large to travel with its wave; its digest."""

    def close(self) -> None:
        """Release what is held."""


class FarDoorway:
    """The control plane is another process."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def look_up(self, project: str, wanted: Lookup) -> Found:
        return Found.model_validate(self._door.post(f"/projects/{project}/step-results", wanted))

    def launch(self, project: str, launch: Launch) -> Launched:
        answer = self._door.post(f"/projects/{project}/pipeline-runs/launch", launch)
        return Launched.model_validate(answer)

    def commit(self, project: str, run_id: str, wave: Wave, contents: Sequence[bytes]) -> Pulse:
        with_contents = wave.model_copy(update={"objects": tuple(contents)})
        answer = self._door.post(f"/pipeline-runs/{run_id}/waves", with_contents)
        return Pulse.model_validate(answer)

    def slots(self, project: str, run_id: str, request: SlotRequest) -> SlotAnswer:
        answer = self._door.post(f"/pipeline-runs/{run_id}/slots", request)
        return SlotAnswer.model_validate(answer)

    def read(self, project: str, digests: Sequence[str]) -> list[bytes]:
        return [self._door.fetch(project, digest) for digest in digests]

    def put(self, project: str, content: bytes | Path) -> str:
        return self._door.upload(project, content)

    def close(self) -> None:
        """Nothing: the door is its opener's."""


def doorway_of(door: Door) -> Doorway:
    """The shortest way to where a door leads."""
    application = door.application
    if application is None:
        return FarDoorway(door)
    from millwright.pipelines.near import StoreDoorway

    return StoreDoorway(application.state.store)


def file_doorway(workspace: Workspace) -> Doorway | None:
    """The shortest way into a workspace that no server has open, if there is one."""
    from millwright.pipelines.near import FileDoorway

    remote = workspace.running_url() or os.environ.get("MILLWRIGHT_URL")
    return None if remote else FileDoorway.opened(workspace)


@contextmanager
def near_or_far(workspace: Workspace) -> Iterator[Doorway]:
    """The shortest way into a workspace, for the length of a block."""
    near = file_doorway(workspace)
    if near is not None:
        with closing(near):
            yield near
        return
    from millwright.kernel.door import connect

    with connect(workspace) as door:
        yield doorway_of(door)
