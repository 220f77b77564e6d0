"""What came of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millwright.kernel.errors import MillwrightError, NotFound
from millwright.pipelines import values
from millwright.pipelines.call import loaded
from millwright.pipelines.graph import SINGLE, reference_of
from millwright.pipelines.records import Failure, PipelineRunDetail, RunStatus

if TYPE_CHECKING:
    from millwright.kernel.door import Door


class PipelineFailed(MillwrightError):
    """A step raised, and the run ended with it."""


@dataclass(frozen=True)
class PipelineResult:
    """A run that has ended, and the way to what it made.

    Attributes:
        run_id: which run.
        project: where it belongs.
        status: ``succeeded``, ``failed`` or ``cancelled``; ``waiting`` for a person.
        error: what went wrong.
        connect: opens the door that leads there.
        exception: what the failing step raised, where it ran in this process.
    """

    run_id: str
    project: str
    status: RunStatus
    error: Failure | None
    connect: Callable[[], Door]
    exception: Exception | None = None

    @classmethod
    def of(cls, run: PipelineRunDetail, door: Door) -> PipelineResult:
        """The result of a stored run."""
        return cls(run.id, run.project, run.status, run.error, lambda: door)

    @property
    def door(self) -> Door:
        """The way to the control plane."""
        return self.connect()

    @cached_property
    def run(self) -> PipelineRunDetail:
        """The run as it is stored, with its tasks; asked for when it is first looked at."""
        from millwright.pipelines.client import PipelineClient

        return PipelineClient(self.door).get(self.run_id)

    def output(self, task: str, name: str = SINGLE) -> Any:
        """One output of one step, loaded.

        Files are laid down in a folder of their own, which the caller removes.

        Raises:
            NotFound: the step does not exist, did not run, or has no such output.
        """
        found = next((one for one in self.run.tasks if one.name == task), None)
        if found is None or name not in found.outputs:
            raise NotFound(
                "pipelines.no_output",
                f"Run {self.run.id} has no output {name!r} of a step {task!r}.",
                hint="See its steps with: mw pipelines show " + self.run.id,
            )
        artifact, project = found.outputs[name], self.run.project
        needs_folder = artifact.kind in ("file", "folder", "list")
        workdir = Path(tempfile.mkdtemp(prefix="mw-output-")) if needs_folder else Path()
        return loaded(
            artifact,
            lambda digest: self.door.fetch(project, digest),
            project=project,
            workdir=workdir,
        )

    def value(self) -> Any:
        """What the pipeline's function returned, with every output loaded; None for a skipped one.

        Raises:
            MillwrightError: the run did not succeed; see ``raise_if_failed``.
        """
        self.raise_if_failed()

        def load(tree: values.Tagged) -> object:
            reference = reference_of(tree)
            skipped = any(
                task.name == reference.node and task.status == "skipped" for task in self.run.tasks
            )
            return None if skipped else self.output(reference.node, reference.output)

        return values.decode(self.run.graph.result, load)

    def raise_if_failed(self) -> None:
        """Raise what the failing step raised, if it is an error meant for people, or
        ``PipelineFailed``; nothing for a run that succeeded.
        """
        if self.status == "succeeded":
            return
        if isinstance(self.exception, MillwrightError):
            raise self.exception
        error = self.error
        if error is None or error.task is None:
            said = f"Run {self.run_id} was {self.status}." if error is None else error.message
            raise PipelineFailed("pipelines.not_finished", said)
        raise PipelineFailed(
            "pipelines.step_failed",
            f"The step {error.task!r} failed: {error.kind}: {error.message}",
            hint=f"See its traceback with: mw pipelines show {self.run_id}",
        ) from self.exception
