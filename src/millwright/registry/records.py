"""The records of the registry: models, their versions, aliases, what gates said."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainSerializer

from millwright.evaluation import GateResult
from millwright.kernel.errors import Conflict
from millwright.kernel.model_package import Field as SignatureField
from millwright.kernel.model_package import Task
from millwright.kernel.record import Record
from millwright.registry.vetting.contents import Finding

CHAMPION = "champion"
EVALUATION = "evaluation.json"
"""The logical name under which a version's evaluation record is served."""

EXTERNAL = "external"
VersionStatus = Literal["registered", "validated", "rejected", "external"]
"""``validated``: all gates passed; ``rejected``: one failed; ``registered``: none were asked;
``external``: registered by an MLflow client, without a package, so that it cannot be deployed."""
ModelName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^/:\x00-\x1f]+$")]
"""The name of a model: ours, or any that an MLflow client gave one."""
Alias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _json_number(value: float) -> float | str:
    """JSON has no NaN or infinity; they travel as the words that ``float`` reads back."""
    return value if abs(value) < float("inf") else str(value)


Number = Annotated[float, PlainSerializer(_json_number, return_type=float | str, when_used="json")]


def _one_line(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    return text.strip()


Reason = Annotated[str, Field(max_length=1000), AfterValidator(_one_line)]


class NewVersion(Record):
    """A package to register. Its files and manifest were uploaded as objects before."""

    manifest: Digest
    """Digest of ``manifest.json``; everything the package promises is read from it."""
    run: str | None = None
    dataset: str | None = None
    """Id of the dataset version it was trained on."""
    members: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    """Ids of the versions that a graph joins."""
    metrics: dict[str, Number] = Field(default_factory=dict)
    gates: tuple[GateResult, ...] = ()
    evaluation: Digest | None = None
    """Digest of the full evaluation record, if there is one."""
    description: Annotated[str, Field(max_length=10_000)] = ""


class Attestation(Record):
    """Who signed that a version has these bytes; see ``vetting.signing`` for what is covered."""

    public_key: str
    """Ed25519, in base64."""
    signature: str
    signed_at: str


class ModelVersion(Record):
    """A registered version: what it takes, where it came from, which bytes it is."""

    id: str
    project: str
    model: str
    version: int
    status: VersionStatus
    aliases: tuple[str, ...]
    created_at: str
    actor: str
    description: str
    run: str | None
    dataset: str | None
    stage: str = "None"
    """The stage that MLflow clients see and set."""
    source: str | None = None
    """Where an external version says that its files are."""
    logged_model: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    task: Task | None
    """None for external versions, of which nothing is known but what their client said."""
    family: str
    classes: tuple[str, ...]
    threshold: float
    parity: float
    signature: tuple[SignatureField, ...]
    metrics: dict[str, Number]
    gates: tuple[GateResult, ...]
    manifest: str
    evaluation: str | None
    digests: dict[str, str]
    """Digest by logical name, as in the manifest."""
    findings: tuple[Finding, ...] = ()
    """What in the package runs when it is loaded."""
    attestation: Attestation | None = None
    """None for external versions, and for those older than signatures."""

    @property
    def served_task(self) -> Task:
        """The task of a version that can be served, which an external one cannot.

        Raises:
            Conflict: it is external.
        """
        if self.task is None:
            raise Conflict(
                "registry.external",
                f"Version {self.version} of '{self.model}' is external: what it predicts is not "
                "known here.",
                hint="Register a package of it with: mw run",
            )
        return self.task


class Model(Record):
    """A model by name: how many versions it has and which aliases point where."""

    name: str
    project: str
    created_at: str
    updated_at: str
    versions: int
    latest: int
    aliases: dict[str, int]
    description: str = ""
    tags: dict[str, str] = Field(default_factory=dict)


class ModelDetail(Record):
    """A model with its versions, newest first."""

    model: Model
    versions: tuple[ModelVersion, ...]


class AliasChange(Record):
    """Where an alias should point.

    ``expected``: the version it must point to now (0: it must not exist); None does not check.
    ``override``: make a version champion although its gates failed; needs a ``reason``, which the
    audit trail keeps.
    """

    version: Annotated[int, Field(ge=1)]
    expected: Annotated[int, Field(ge=0)] | None = None
    override: bool = False
    reason: Reason | None = None


class AliasState(Record):
    """Where an alias points, since when and by whom."""

    alias: str
    model: str
    version: int
    set_at: str
    actor: str


Verdict = Literal["approved", "rejected"]


class NewApproval(Record):
    """What somebody says of a version taking an alias."""

    alias: Annotated[str, Field(min_length=1, max_length=255)] = CHAMPION
    verdict: Verdict = "approved"
    comment: Annotated[str, Field(max_length=2_000)] = ""


class Approval(Record):
    """One person's word. That of the version's author is kept and not counted."""

    actor: str
    verdict: Verdict
    comment: str
    at: str
    by_author: bool


class ApprovalState(Record):
    """Whether a version may take an alias: ``required`` by the policy, ``counted`` so far."""

    model: str
    version: int
    alias: str
    required: int
    counted: int
    granted: bool
    said: tuple[Approval, ...]


class WaitingApproval(Record):
    """A version that waits for somebody's word before it may take an alias."""

    version: ModelVersion
    state: ApprovalState
    may_decide: bool
    """Whether the word of whoever asks would count."""
    why: str
    """Why not, or what they said before, in a sentence."""
    mine: Verdict | None
