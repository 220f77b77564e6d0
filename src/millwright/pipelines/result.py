"""What came of a run."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millwright.kernel.door import Door
from millwright.kernel.errors import MillwrightError, NotFound
from millwright.pipelines import values
from millwright.pipelines.artifacts import deserialise
from millwright.pipelines.graph import references
from millwright.pipelines.records import PipelineRunDetail, RunStatus
from millwright.pipelines.steps import SINGLE


class PipelineFailed(MillwrightError):
    """A step raised, and the run ended with it."""


@dataclass(frozen=True)
class PipelineResult:
    """A run that has ended, and the way to what it made.

    Attributes:
        run: as it is stored, with its tasks.
        exception: what the failing step raised, where it ran in this process.
    """

    run: PipelineRunDetail
    door: Door
    exception: Exception | None = None

    @property
    def status(self) -> RunStatus:
        """``succeeded``, ``failed`` or ``cancelled``."""
        return self.run.status

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
        content = self.door.fetch(project, artifact.digest)
        needs_folder = artifact.kind in ("file", "folder")
        workdir = Path(tempfile.mkdtemp(prefix="mw-output-")) if needs_folder else Path()
        return deserialise(artifact, content, project=project, workdir=workdir)

    def value(self) -> Any:
        """What the pipeline's function returned, with every output loaded.

        Raises:
            MillwrightError: the run did not succeed; see ``raise_if_failed``.
        """
        self.raise_if_failed()

        def load(tree: values.Tagged) -> object:
            (reference,) = references(tree)
            return self.output(reference.node, reference.output)

        return values.decode(self.run.graph.result, load)

    def raise_if_failed(self) -> None:
        """Raise what the failing step raised, if it is an error meant for people, or
        ``PipelineFailed``; nothing for a run that succeeded.
        """
        if self.status == "succeeded":
            return
        if isinstance(self.exception, MillwrightError):
            raise self.exception
        error = self.run.error
        if error is None:
            raise PipelineFailed("pipelines.not_finished", f"Run {self.run.id} was {self.status}.")
        raise PipelineFailed(
            "pipelines.step_failed",
            f"The step {error.task!r} failed: {error.kind}: {error.message}",
            hint=f"See its traceback with: mw pipelines show {self.run.id}",
        ) from self.exception
