"""The records of deployments: what should be true, what is, and what was tried."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from millwright.kernel.config import Name, Share
from millwright.kernel.record import Record

Desired = Literal["running", "stopped"]
ReplicaState = Literal["starting", "ready", "failed"]
Outcome = Literal["promoted", "rolled-back", "superseded"]
Health = Literal["ready", "updating", "starting", "failed", "waiting", "stopped"]


class Choice(Record):
    """Which version of a model: by number, or by alias."""

    version: Annotated[int, Field(ge=1)] | None = None
    alias: Name | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Choice:
        if self.version is not None and self.alias is not None:
            raise ValueError("give a version or an alias, not both")
        return self


class NewDeployment(Choice):
    """What should be served under a name; the alias ``champion`` where nothing is chosen."""

    model: Name
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """0 picks a free one once and keeps it."""


class NewCanary(Choice):
    """A challenger and the share of the traffic that it answers."""

    share: Share = 0.3


class Ruling(Record):
    """Why a canary is promoted or rolled back."""

    reason: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict)


class Deployment(Record):
    """What should be true; ``revision`` rises with every change of it."""

    id: str
    project: str
    name: str
    model: str
    champion_version_id: str
    champion_version: int
    canary_version_id: str | None
    canary_version: int | None
    canary_share: float
    port: int
    status: Desired
    revision: int
    created_ms: int
    updated_ms: int


class Replica(Record):
    """What is true of the one process that serves a deployment."""

    deployment_id: str
    pid: int | None
    port: int
    state: ReplicaState
    revision: int
    """The revision of the deployment that it serves; 0 before the first."""
    message: str = ""
    updated_ms: int


class Rollout(Record):
    """One canary and how it ended; ``outcome`` is None while it goes on."""

    id: str
    deployment_id: str
    champion_version_id: str
    champion_version: int
    canary_version_id: str
    canary_version: int
    share: float
    started_ms: int
    decided_ms: int | None = None
    outcome: Outcome | None = None
    reason: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict)


class VariantView(Record):
    """A version behind the endpoint and the share of traffic that it answers."""

    name: Literal["champion", "canary"]
    version_id: str
    version: int
    share: float


class ReplicaView(Record):
    """A serving process, for people."""

    pid: int | None
    port: int
    state: ReplicaState
    revision: int
    message: str
    updated_at: str


class RolloutView(Record):
    """A canary and how it ended, for people."""

    id: str
    champion_version: int
    canary_version: int
    share: float
    started_at: str
    decided_at: str | None
    outcome: Outcome | None
    reason: str
    evidence: dict[str, Any]


class DeploymentView(Record):
    """A deployment as its page shows it."""

    id: str
    project: str
    name: str
    model: str
    status: Desired
    health: Health
    revision: int
    endpoint: str | None
    """Address of the inference server; None before its port is chosen."""
    infer_url: str | None
    """Where predictions are asked for, in the Open Inference Protocol."""
    example: str | None
    """A curl command that asks for one prediction."""
    variants: tuple[VariantView, ...]
    replicas: tuple[ReplicaView, ...]
    rollouts: tuple[RolloutView, ...]
    created_at: str
    updated_at: str


class DeploymentList(Record):
    """Every deployment of a project, by name."""

    deployments: tuple[DeploymentView, ...]
