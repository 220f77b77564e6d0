"""Where steps run, chosen by a URL with no edit to the pipeline.

Without one they run in processes of this machine (``crew``). ``ray://…`` is a Ray cluster,
``kubernetes://NAMESPACE?image=…`` one Job per step. The engine, its ledger and its cache stay where
they are; what is sent elsewhere is one call, and what comes back are digests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from millwright.pipelines.artifacts import Artifact
    from millwright.pipelines.board import Live
    from millwright.pipelines.context import Progress
    from millwright.pipelines.graph import Reference
    from millwright.pipelines.messages import Ended
    from millwright.pipelines.session import Session


class Workers(Protocol):
    """What an engine asks of those that call its steps. A worker that is lost loses one step."""

    @property
    def busy(self) -> bool:
        """Whether any step is with a worker or on its way to one."""

    def submit(self, live: Live, artifacts: Mapping[Reference, Artifact]) -> None:
        """Queue a step for the next worker that is free."""

    def wait(self, seconds: float) -> list[Ended]:
        """What ended within so many seconds; returns early when something did."""

    def close(self) -> None:
        """End all that still runs."""


def workers_of(session: Session, on_progress: Callable[[str, Progress], None]) -> Workers:
    """The workers of one engine, by the URL that its run was given.

    Raises:
        InvalidInput: the URL names no executor, or what it needs is not there.
    """
    url = session.around.executor
    if url is None:
        from millwright.pipelines.crew import Crew

        return Crew(session, on_progress)
    from millwright.pipelines.executors.address import KubernetesAddress, address_of

    address = address_of(url)
    if isinstance(address, KubernetesAddress):
        from millwright.pipelines.executors.kubernetes_jobs import KubernetesJobs

        return KubernetesJobs(session, address)
    from millwright.pipelines.executors.ray_tasks import RayTasks

    return RayTasks(session, address)
