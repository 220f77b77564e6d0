"""Making a trained model a registered version: package, card, digests, alias."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from millwright.automation.comparison import judge
from millwright.automation.records import HeldOutComparison
from millwright.automation.sources import Snapshot, TrainingPlan
from millwright.evaluation import Evaluation
from millwright.features import TIME
from millwright.kernel import clock
from millwright.kernel.config import ProjectConfig
from millwright.kernel.record import Record
from millwright.pipelines import StepContext
from millwright.registry import (
    CHAMPION,
    CardData,
    ExcludedColumn,
    build_package,
    card_content,
    register,
    set_alias,
)
from millwright.tracking import (
    MetricPoint,
    code_version,
    end_run,
    log_artifact,
    log_metrics,
    log_params,
    packages,
    run_environment,
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
    """Whether the alias ``champion`` was set: the gates passed and there was no champion before."""
    comparison: HeldOutComparison | None


def register_candidate(
    context: StepContext,
    config: ProjectConfig,
    *,
    taken: Snapshot,
    excluded: Sequence[tuple[str, str]],
    develop: pa.Table,
    test: pa.Table,
    model: FittedModel,
    threshold: float,
    evaluation: Evaluation,
    plan: TrainingPlan,
) -> Registered:
    """Write the package of a model, register it as the next version and close its tracked run.

    A first model becomes champion when its gates pass. A challenger never does here: it has to
    win on live traffic first.
    """
    name = plan.champion.model if plan.champion is not None else config.deployment_name
    code = code_version()
    where = run_environment()
    card = card_content(
        config,
        model=name,
        task=model.task,
        family=model.family,
        created_at=clock.rfc3339(clock.now_ms()),
        fields=model.fields,
        classes=model.classes,
        threshold=threshold,
        params=dict(model.params),
        data=_training_data(config, taken, develop, test),
        excluded=[ExcludedColumn(name=column, reason=reason) for column, reason in excluded],
        evaluation=evaluation,
        environment=packages(),
        python=where.python,
        platform=where.platform,
        commit=None if code is None else code.commit,
        dirty=code is not None and code.dirty,
        run=context.run_id,
        example=_example(test, model),
    )
    folder = context.workdir / "package"
    build_package(
        folder,
        model,
        model=name,
        reference=develop,
        environment=packages(),
        threshold=threshold,
        card=card,
    )
    evaluated = evaluation.model_dump_json().encode()
    version = register(
        context.door,
        context.project,
        name,
        folder,
        run=context.run_id,
        dataset=taken.main.id,
        metrics={key: found.value for key, found in evaluation.metrics.items()},
        gates=evaluation.gates,
        evaluation=evaluated,
    )
    first = plan.champion is None and evaluation.passed
    if first:
        set_alias(context.door, context.project, name, CHAMPION, version.version)
    _close_run(context, model, threshold, evaluation, evaluated)
    return Registered(
        model=name,
        version=version.version,
        version_id=version.id,
        run_id=context.run_id,
        family=model.family,
        metric=evaluation.metric,
        value=evaluation.metrics[evaluation.metric].value,
        gates_passed=evaluation.passed,
        failed_gates=tuple(gate.reason for gate in evaluation.gates if not gate.passed),
        is_champion=first,
        comparison=None if evaluation.comparison is None else judge(evaluation.comparison),
    )


def _close_run(
    context: StepContext,
    model: FittedModel,
    threshold: float,
    evaluation: Evaluation,
    evaluated: bytes,
) -> None:
    run, door = context.run_id, context.door
    log_params(door, run, {"family": model.family, "threshold": threshold, **model.params})
    points = [MetricPoint(key=key, value=found.value) for key, found in evaluation.metrics.items()]
    log_metrics(door, run, points)
    log_artifact(
        door,
        context.project,
        run,
        "evaluation.json",
        evaluated,
        media_type="application/json",
    )
    end_run(door, run)


def _training_data(
    config: ProjectConfig, taken: Snapshot, develop: pa.Table, test: pa.Table
) -> CardData:
    return CardData(
        dataset=taken.main.name,
        version=taken.main.version,
        version_id=taken.main.id,
        digest=taken.main.digest,
        source=config.data.source,
        rows=develop.num_rows,
        period=_period(develop),
        test_rows=test.num_rows,
        test_period=_period(test),
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
