"""The records of deployments: what should be true, what is, and what was tried."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from millwright.kernel.config import Name, Share
from millwright.kernel.record import Record
from millwright.kernel.serving_config import ServingConfig

Desired = Literal["running", "stopped"]
ReplicaState = Literal["starting", "ready", "failed"]
Outcome = Literal["promoted", "rolled-back", "superseded"]
CHAMPION, CANARY = "champion", "canary"
Weight = Annotated[float, Field(ge=0.0, le=1e9, allow_inf_nan=False)]
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

    serving: ServingConfig | None = None
    """Limits, guard, keys and workers; None leaves them as they are."""


class NewVariant(Choice):
    """A version beside the champion, and its part in the traffic; another by the name is replaced.

    With a weight it answers callers, who stay with it by their key. With a mirror and no weight it
    is a shadow.
    """

    weight: Weight = 0.0
    mirror: Share = 0.0

    @model_validator(mode="after")
    def _takes_part(self) -> NewVariant:
        if not self.weight and not self.mirror:
            raise ValueError("give it a weight, or a mirror, or both")
        return self


class Weights(Record):
    """New weights of variants; those that are not named keep theirs."""

    weights: Annotated[dict[Name, Weight], Field(min_length=1)]
    reason: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict)


class Bandit(Record):
    """Weights that follow the rewards: each arm answers as often as it is likely the best."""

    reward: Literal["correct", "label"] = "correct"
    """What a labelled prediction earns: 1 where it was right and 0 where it was not, or the label
    itself, a number from 0 to 1."""
    floor: Annotated[float, Field(ge=0.0, le=0.5)] = 0.02
    """Least share of each arm, so that it can come back when the world changes."""
    memory: Annotated[int, Field(ge=10, le=10_000_000)] = 10_000
    """The latest rewards of each arm that count."""


class NewCanary(Choice):
    """A challenger and the share of the traffic that it answers."""

    share: Share = 0.3


class Promotion(Record):
    """Which variant becomes the champion, and why."""

    variant: Name = CANARY
    reason: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict)


class Ruling(Record):
    """Why a canary is promoted or rolled back."""

    reason: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict)


class Variant(Record):
    """One version behind the endpoint and its part in the traffic.

    Everything that is served is one of these. The champion is compared with nobody; a canary has
    a weight and is compared with the champion on the same rows; an arm of an experiment has a
    weight; a shadow has none and is compared.
    """

    name: Name
    version_id: str
    version: int
    weight: Weight = 0.0
    """Its part of the requests, in proportion to the other weights."""
    mirror: Share = 0.0
    """Share of the champion's requests that it scores too, and of its own that the champion does."""


class Deployment(Record):
    """What should be true; ``revision`` rises with every change of it."""

    id: str
    project: str
    name: str
    model: str
    variants: tuple[Variant, ...]
    """The champion first."""
    bandit: Bandit | None = None
    """How the weights follow rewards; None: they are what somebody set."""
    serving: ServingConfig = ServingConfig()
    port: int
    status: Desired
    revision: int
    created_ms: int
    updated_ms: int

    def variant(self, name: str) -> Variant | None:
        """The variant of that name, if there is one."""
        return next((one for one in self.variants if one.name == name), None)

    def share(self, variant: Variant) -> float:
        """The share of requests that a variant answers."""
        return variant.weight / sum(one.weight for one in self.variants)

    @property
    def champion_version_id(self) -> str:
        """The version that is the contract of the endpoint."""
        return self.variants[0].version_id

    @property
    def champion_version(self) -> int:
        """Its number."""
        return self.variants[0].version

    @property
    def canary_version_id(self) -> str | None:
        """The challenger on trial, if there is one."""
        canary = self.variant(CANARY)
        return None if canary is None else canary.version_id


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


class VariantView(Variant):
    """A version behind the endpoint, for people."""

    share: float
    """The share of requests that it answers."""


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
    bandit: Bandit | None
    serving: ServingConfig
    """Without its keys."""
    keys: tuple[str, ...]
    """Names of the keys that callers have."""
    replicas: tuple[ReplicaView, ...]
    rollouts: tuple[RolloutView, ...]
    created_at: str
    updated_at: str


class DeploymentList(Record):
    """Every deployment of a project, by name."""

    deployments: tuple[DeploymentView, ...]
