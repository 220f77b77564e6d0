"""What an export is made from: the graph, where its code and its store are, and what runs it."""

from __future__ import annotations

import re
import shlex
from typing import Literal

from pydantic import Field

from millwright.kernel.record import Record
from millwright.pipelines.graph import Graph

Target = Literal["airflow", "kubeflow", "argo", "gitlab", "kubernetes", "rayjob"]
SECRETIVE = re.compile(r"(token|secret|passw|api_?key|credential|private_?key)", re.IGNORECASE)
"""Names of what is likely a secret."""
CONTAINERS: frozenset[Target] = frozenset({"kubeflow", "argo", "kubernetes", "rayjob"})
"""Targets whose tasks are containers, which share nothing with the machine that exports."""


class Fault(Record):
    """One thing that is wrong."""

    code: str
    message: str
    hint: str
    where: str = ""
    """The step, or the option."""


class Place(Record):
    """Where tasks run, and how they get to the control plane. Empty where nothing was said."""

    name: str = ""
    """Of the workflow; the pipeline's own where empty."""
    image: str = ""
    """With Millwright and the packages that steps import; the steps' own code comes from the store."""
    url: str = ""
    """Of the control plane, as tasks see it."""
    secret: str = ""
    """A Kubernetes Secret with MILLWRIGHT_TOKEN and what the steps' secrets name."""
    namespace: str = ""
    service_account: str = ""
    cpu: str = ""
    memory: str = ""
    gpu: int = 0
    schedule: str = ""
    timezone: str = "UTC"
    command: str = "mw"
    """How tasks call Millwright, as one would type it."""
    folder: str = ""
    """Where tasks of Airflow work, if not in containers: the project's folder on its workers."""
    workers: int = Field(default=2, ge=0, le=1000)
    """Nodes of a Ray cluster beside its head."""

    @property
    def words(self) -> list[str]:
        """The command, word by word."""
        return shlex.split(self.command)


class Export(Record):
    """One pipeline on its way out."""

    target: Target
    graph: Graph
    parameters: dict[str, str]
    """Those that can be given when it is started, each with its default as text."""
    entry_point: str
    project: str
    code: str | None
    """The digest of the project's code in the store."""
    place: Place

    @property
    def name(self) -> str:
        """The workflow's name."""
        from millwright.pipelines.exports.shape import safe_name

        if self.place.name:
            return self.place.name
        is_airflow = self.target == "airflow"
        return self.graph.pipeline if is_airflow else safe_name(self.graph.pipeline)
