"""Making a trained model a registered version: package, card, digests, alias."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from millwright.automation.comparison import judge
from millwright.automation.records import HeldOutComparison
from millwright.automation.sources import Snapshot, TrainingPlan
from millwright.evaluation import Evaluation
from millwright.features import TIME, Leak
from millwright.kernel import clock
from millwright.kernel.config import ProjectConfig
from millwright.kernel.record import Record
from millwright.pipelines import StepContext
from millwright.registry import (
    CHAMPION,
    CardContent,
    CardData,
    ExcludedColumn,
    build_package,
    card_content,
    register,
    set_alias,
)
from millwright.tracking import (
    MetricPoint,
    end_run,
    log_artifact,
    log_metrics,
    log_params,
    packages,
    run_environment,
    source_here,
)
from millwright.training import FittedModel

Scalar = bool | int | float | str | None


class Registered(Record):
    """What a training came to."""

    model: str
    version: int
    version_id: str
    run_id: str
    family: str
    metric: str
    value: float
    gates_passed: bool
    failed_gates: tuple[str, ...]
    is_champion: bool
    """Whether the alias ``champion`` was set: a person trained it, the gates passed, and it is no
    worse than the champion before on the same rows."""
    comparison: HeldOutComparison | None


@dataclass(frozen=True)
class Candidate:
    """A trained and evaluated model, on its way to the registry."""

    context: StepContext
    config: ProjectConfig
    taken: Snapshot
    leaks: tuple[Leak, ...]
    develop: pa.Table
    test: pa.Table
    model: FittedModel
    threshold: float
    evaluation: Evaluation
    plan: TrainingPlan

    @property
    def name(self) -> str:
        """Of the registered model: the champion's, or the deployment's where there is none."""
        champion = self.plan.champion
        return self.config.deployment_name if champion is None else champion.model


def register_candidate(candidate: Candidate) -> Registered:
    """Write the package of a model, register it as the next version and close its tracked run.

    What a person trained becomes champion when its gates pass and the champion before is not
    better on the same rows. A policy's challenger never does here: it has to win on live traffic.
    """
    context, evaluation = candidate.context, candidate.evaluation
    evaluated = evaluation.model_dump_json().encode()
    version = register(
        context.door,
        context.project,
        candidate.name,
        _package(candidate),
        run=context.run_id,
        dataset=candidate.taken.main.id,
        metrics={key: found.value for key, found in evaluation.metrics.items()},
        gates=evaluation.gates,
        evaluation=evaluated,
    )
    comparison = None if evaluation.comparison is None else judge(evaluation.comparison)
    worse = evaluation.comparison is not None and evaluation.comparison.probability_better < 0.5
    crowned = candidate.plan.champion is None and evaluation.passed and not worse
    if crowned:
        set_alias(context.door, context.project, candidate.name, CHAMPION, version.version)
    _close_run(candidate, evaluated)
    return Registered(
        model=candidate.name,
        version=version.version,
        version_id=version.id,
        run_id=context.run_id,
        family=candidate.model.family,
        metric=evaluation.metric,
        value=evaluation.metrics[evaluation.metric].value,
        gates_passed=evaluation.passed,
        failed_gates=tuple(gate.reason for gate in evaluation.gates if not gate.passed),
        is_champion=crowned,
        comparison=comparison,
    )


def _package(candidate: Candidate) -> Path:
    folder = candidate.context.workdir / "package"
    build_package(
        folder,
        candidate.model,
        model=candidate.name,
        reference=candidate.develop,
        held_out=candidate.test,
        environment=packages(),
        threshold=candidate.threshold,
        card=_card(candidate),
    )
    return folder


def _card(candidate: Candidate) -> CardContent:
    code, where, model = source_here().version, run_environment(), candidate.model
    return card_content(
        candidate.config,
        model=candidate.name,
        task=model.task,
        family=model.family,
        created_at=clock.rfc3339(clock.now_ms()),
        fields=model.fields,
        classes=model.classes,
        threshold=candidate.threshold,
        params=dict(model.params),
        data=_card_data(candidate),
        excluded=[ExcludedColumn(name=x.column, reason=x.reason) for x in candidate.leaks],
        evaluation=candidate.evaluation,
        environment=packages(),
        python=where.python,
        platform=where.platform,
        commit=None if code is None else code.commit,
        dirty=code is not None and code.dirty,
        run=candidate.context.run_id,
        example=_example(candidate.test, model),
    )


def _close_run(candidate: Candidate, evaluated: bytes) -> None:
    context, model = candidate.context, candidate.model
    run, door = context.run_id, context.door
    params = {"family": model.family, "threshold": candidate.threshold, **model.params}
    log_params(door, run, params)
    metrics = candidate.evaluation.metrics
    log_metrics(door, run, [MetricPoint(key=k, value=found.value) for k, found in metrics.items()])
    log_artifact(
        door,
        context.project,
        run,
        "evaluation.json",
        evaluated,
        media_type="application/json",
    )
    end_run(door, run)


def _card_data(candidate: Candidate) -> CardData:
    main = candidate.taken.main
    return CardData(
        dataset=main.name,
        version=main.version,
        version_id=main.id,
        digest=main.digest,
        source=candidate.config.data.source,
        rows=candidate.develop.num_rows,
        period=_period(candidate.develop),
        test_rows=candidate.test.num_rows,
        test_period=_period(candidate.test),
    )


def _period(table: pa.Table) -> tuple[str, str] | None:
    if TIME not in table.column_names or table.num_rows == 0:
        return None
    moments = pc.cast(pc.cast(table[TIME], pa.timestamp("ms", tz="UTC"), safe=False), pa.int64())
    ends = pc.min_max(moments).as_py()
    return clock.rfc3339(ends["min"]), clock.rfc3339(ends["max"])


def _example(test: pa.Table, model: FittedModel) -> dict[str, Scalar]:
    row: dict[str, Scalar] = (
        test.select([field.name for field in model.fields]).slice(0, 1).to_pylist()[0]
    )
    return row
