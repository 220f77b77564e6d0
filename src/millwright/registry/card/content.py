"""What a model card is made from: one typed record, filled from the evidence of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from millwright.evaluation import Evaluation
from millwright.kernel.config import ProjectConfig
from millwright.kernel.model_package import Field, RuntimeName, Task
from millwright.kernel.record import Record

Scalar = bool | int | float | str | None


class CardData(Record):
    """The rows a model was trained and tested on. Periods are RFC 3339 text or None."""

    dataset: str
    version: int | None = None
    version_id: str | None = None
    digest: str | None = None
    source: str | None = None
    rows: int
    period: tuple[str, str] | None = None
    test_rows: int | None = None
    test_period: tuple[str, str] | None = None


class ExcludedColumn(Record):
    """A column that was kept out, and why (it leaks the outcome, it is constant …)."""

    name: str
    reason: str


class PackagedFile(Record):
    """A file of the package; ``size`` in bytes."""

    name: str
    digest: str
    size: int


class CardContent(Record):
    """Everything on a card. What stands from ``files`` on is filled in while packaging."""

    model: str
    project: str
    task: Task
    family: str
    created_at: str
    target: str | None = None
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    purpose: str = ""
    owner: str = ""
    out_of_scope: str = ""
    params: dict[str, Scalar]
    data: CardData | None = None
    fields: tuple[Field, ...]
    excluded: tuple[ExcludedColumn, ...] = ()
    drifted: tuple[str, ...] = ()
    """Features whose distribution differed between training and test rows."""
    evaluation: Evaluation | None = None
    environment: str = ""
    """Pinned requirements, one per line."""
    python: str | None = None
    platform: str | None = None
    seed: int | None = None
    commit: str | None = None
    dirty: bool = False
    run: str | None = None
    example: dict[str, Scalar]
    """A row for the example call, by field name."""
    files: tuple[PackagedFile, ...] = ()
    parity: float | None = None
    runtime: RuntimeName = "onnx"
    why_native: str | None = None


def card_content(
    config: ProjectConfig,
    *,
    model: str,
    task: Task,
    family: str,
    created_at: str,
    fields: Sequence[Field],
    classes: Sequence[str] = (),
    threshold: float = 0.5,
    params: Mapping[str, Scalar] | None = None,
    data: CardData | None = None,
    excluded: Sequence[ExcludedColumn] = (),
    evaluation: Evaluation | None = None,
    environment: str = "",
    python: str | None = None,
    platform: str | None = None,
    commit: str | None = None,
    dirty: bool = False,
    run: str | None = None,
    example: Mapping[str, Scalar] | None = None,
    owner: str = "",
    purpose: str = "",
) -> CardContent:
    """The card of a model trained for a project, with what its ``millwright.yaml`` already says."""
    return CardContent(
        model=model,
        project=config.project,
        task=task,
        family=family,
        created_at=created_at,
        target=config.data.target,
        classes=tuple(classes),
        threshold=threshold,
        purpose=purpose or f"Predicts '{config.data.target}' for each row of its inputs.",
        owner=owner,
        params=dict(params or {}),
        data=data,
        fields=tuple(fields),
        excluded=tuple(excluded),
        evaluation=evaluation,
        environment=environment,
        python=python,
        platform=platform,
        seed=config.training.seed,
        commit=commit,
        dirty=dirty,
        run=run,
        example=dict(example or {}),
    )
