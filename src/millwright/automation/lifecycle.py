"""The main job as a pipeline: snapshot → check → features → split → search → evaluation → registry.

Each step takes and returns typed values, which the engine stores by content: a run that was killed
continues after its last finished step, and a step whose inputs have not changed is not run again.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from millwright.automation.candidates import Candidate, Registered, register_candidate
from millwright.automation.champion import champion_prediction
from millwright.automation.learning_rows import learnt_rows
from millwright.automation.periods import latest_apart
from millwright.automation.sources import (
    ChampionRef,
    DatasetRef,
    Period,
    Snapshot,
    TrainingPlan,
    load_snapshot,
    take_snapshot,
)
from millwright.automation.trials import TrialLog, start_tracking, watched
from millwright.data import (
    CheckResult,
    NewCheck,
    VersionCheck,
    check,
    get_suite,
    infer_suite,
    put_suite,
)
from millwright.evaluation import Evaluation, check_gate_names, evaluate_model
from millwright.features import TARGET, TIME, Dropped, Leak, build_features
from millwright.kernel.clock import parse_duration
from millwright.kernel.config import (
    DeploymentConfig,
    LineageConfig,
    MonitoringConfig,
    ProjectConfig,
    QuotasConfig,
    RetentionConfig,
    RetrainingConfig,
)
from millwright.kernel.errors import InvalidInput
from millwright.kernel.model_package import Field
from millwright.kernel.record import Record
from millwright.pipelines import pipeline, step, step_context
from millwright.registry import get_version
from millwright.training import (
    FittedModel,
    TaskSpec,
    TrialRecord,
    infer_task,
    known_rows,
    search,
    split,
    train_function,
)


class FeatureReport(Record):
    """What became of the columns."""

    fields: tuple[Field, ...]
    leaks: tuple[Leak, ...]
    dropped: tuple[Dropped, ...]


class Features(NamedTuple):
    """The feature table and the report about it."""

    table: pa.Table
    report: FeatureReport


class Parts(NamedTuple):
    """Rows to develop on, and later rows that no part of the search sees."""

    develop: pa.Table
    test: pa.Table


class SearchReport(Record):
    """How the model was found."""

    spec: TaskSpec
    trials: tuple[TrialRecord, ...]
    best: TrialRecord | None
    threshold: float
    seconds: float


class Trained(NamedTuple):
    """The model and how it was found."""

    model: FittedModel
    report: SearchReport


@step(cache=False)
def snapshot_data(config: ProjectConfig, root: str, period: Period) -> Snapshot:
    """Read the sources as they are now and keep them as dataset versions."""
    return take_snapshot(step_context().door, config, Path(root), period)


@step(cache=False)
def check_data(config: ProjectConfig, taken: Snapshot) -> VersionCheck:
    """Hold the data against its contract; the first version proposes it.

    Never taken from the cache: what blocks may have been confirmed, or overridden, since.
    """
    door = step_context().door
    name = taken.main.name
    if not get_suite(door, config.project, name).suite.checks:
        tables = load_snapshot(door, config.project, taken)[0]
        put_suite(door, config.project, name, infer_suite(tables), "inferred")
    for side in taken.sides.values():
        if get_suite(door, config.project, side.name).suite.checks:
            _checked(config, side)
    return _checked(config, taken.main)


def _checked(config: ProjectConfig, version: DatasetRef) -> VersionCheck:
    door, name, number = step_context().door, version.name, version.version
    found = check(door, config.project, name, number, NewCheck())
    if found.verdict == "blocked" and found.override is None:
        raise InvalidInput(
            "data.contract_broken",
            f"Version {number} of {name} breaks its contract: "
            + " ".join(_broken(result) for result in found.report.failures[:3]),
            hint=f"See mw data check {name}@{number}; mend the data, withdraw a check (mw data "
            f"confirm {name} --rule {found.report.failures[0].check.id} --withdraw), or let this "
            f"version through: mw data override {name}@{number} --reason WHY",
        )
    return found


@step
def make_features(config: ProjectConfig, taken: Snapshot, plan: TrainingPlan) -> Features:
    """Compute features as each row's moment would have seen them.

    A challenger keeps the champion's signature, so that callers need not change anything.
    """
    context = step_context()
    table, sides = load_snapshot(context.door, config.project, taken)
    fields = None
    if plan.champion is not None:
        champion = get_version(
            context.door, config.project, plan.champion.model, plan.champion.version
        )
        fields = champion.signature
    built = build_features(table, sides, config, fields=fields)
    report = FeatureReport(fields=built.fields, leaks=built.leaks, dropped=built.dropped)
    return Features(built.table, report)


@step
def split_rows(
    config: ProjectConfig, table: pa.Table, plan: TrainingPlan, report: FeatureReport
) -> Parts:
    """Keep the latest rows (or, without time, a random share) for validation."""
    known = known_rows(table)
    if plan.holdout_ms is not None and TIME in known.column_names:
        develop, test = latest_apart(known, plan.holdout_ms)
        return Parts(learnt_rows(config, develop, plan, report.fields), test)
    timed = TIME in known.column_names
    develop, test = split(known, config.training.holdout, timed, config.training.seed)
    return Parts(known.take(develop), known.take(test))


@step
def train_model(
    config: ProjectConfig,
    root: str,
    taken: Snapshot,
    develop: pa.Table,
    report: FeatureReport,
    plan: TrainingPlan,
) -> Trained:
    """Search model families within the budget, or call your own function."""
    context = step_context()
    seed = config.training.seed
    names = tuple(field.name for field in report.fields)
    start_tracking(context, plan.experiment, taken.ids, seed, names)
    spec = infer_task(develop[TARGET])
    check_gate_names(config.evaluation.gates, spec.task)
    if config.training.function is not None:
        model = train_function(
            config.training.function,
            Path(root),
            develop,
            report.fields,
            spec,
            seed,
            plan.budget_ms,
        )
        return Trained(model, _report_of_function(spec))
    timed = TIME in develop.column_names
    rows, kept = split(develop, config.training.holdout, timed, seed + 1)
    log = TrialLog(context, plan.experiment, taken.ids, seed)
    with watched(context):
        found = search(
            develop.take(rows),
            develop.take(kept),
            report.fields,
            spec,
            config.training,
            plan.budget_ms,
            log,
            stop=lambda: context.cancelled,
            max_trials=plan.trials,
        )
    summary = SearchReport(
        spec=spec,
        trials=found.trials,
        best=found.best,
        threshold=log.threshold,
        seconds=found.seconds,
    )
    return Trained(found.model, summary)


@step
def evaluate(
    config: ProjectConfig,
    model: FittedModel,
    report: SearchReport,
    test: pa.Table,
    champion: ChampionRef | None,
) -> Evaluation:
    """Measure the model on the held-out rows, and the champion on the same ones."""
    return evaluate_model(
        model.predict,
        test,
        model.fields,
        report.spec,
        config.evaluation,
        None if champion is None else champion_prediction(champion, report.spec, test),
        metric=config.training.metric,
        threshold=report.threshold,
        seed=config.training.seed,
    )


@step(cache=False)
def register_model(
    config: ProjectConfig,
    taken: Snapshot,
    features: FeatureReport,
    parts: Parts,
    model: FittedModel,
    found: SearchReport,
    evaluation: Evaluation,
    plan: TrainingPlan,
) -> Registered:
    """Package the model, write its card and register it; the champion's alias follows the gates."""
    context = step_context()
    names = tuple(field.name for field in features.fields)
    start_tracking(context, plan.experiment, taken.ids, config.training.seed, names)
    return register_candidate(
        Candidate(
            context=context,
            config=config,
            taken=taken,
            leaks=features.leaks,
            develop=parts.develop,
            test=parts.test,
            model=model,
            threshold=found.threshold,
            evaluation=evaluation,
            plan=plan,
        )
    )


@pipeline(name="train")
def training_pipeline(
    config: ProjectConfig,
    root: str,
    period: Period,
    plan: TrainingPlan,
    rival: ChampionRef | None = None,
) -> Registered:
    """From the project's sources to a registered model version.

    ``rival`` is the champion that a model trained by a person is measured against; it changes
    nothing of how the model is made.
    """
    core = _as_far_as_it_makes_the_model(config)
    taken = snapshot_data(core, root, period)
    check_data(core, taken)
    features = make_features(core, taken, plan)
    parts = split_rows(core, features.table, plan, features.report)
    trained = train_model(core, root, taken, parts.develop, features.report, plan)
    champion = plan.champion or rival
    evaluation = evaluate(core, trained.model, trained.report, parts.test, champion)
    return register_model(
        core, taken, features.report, parts, trained.model, trained.report, evaluation, plan
    )


@pipeline(name="train-again")
def training_again(
    config: ProjectConfig,
    root: str,
    taken: Snapshot,
    plan: TrainingPlan,
    rival: ChampionRef | None = None,
) -> Evaluation:
    """A training done again from the dataset versions that it read; registers nothing."""
    core = _as_far_as_it_makes_the_model(config)
    features = make_features(core, taken, plan)
    parts = split_rows(core, features.table, plan, features.report)
    trained = train_model(core, root, taken, parts.develop, features.report, plan)
    champion = plan.champion or rival
    return evaluate(core, trained.model, trained.report, parts.test, champion)


def _as_far_as_it_makes_the_model(config: ProjectConfig) -> ProjectConfig:
    """The configuration of the steps: what is not in it cannot make them run again."""
    return config.model_copy(
        # How a model is watched afterwards does not change how it is made.
        update={
            "monitoring": MonitoringConfig(),
            "retraining": RetrainingConfig(),
            "deployment": DeploymentConfig(),
            "lineage": LineageConfig(),
            "retention": RetentionConfig(),
            "quotas": QuotasConfig(),
        }
    )


def _broken(result: CheckResult) -> str:
    example = f" Row {result.examples[0].row:,} holds {result.examples[0].value}." * bool(
        result.examples
    )
    return f"{result.check.sentence}; {result.message[0].lower()}{result.message[1:]}{example}"


def _report_of_function(spec: TaskSpec) -> SearchReport:
    return SearchReport(spec=spec, trials=(), best=None, threshold=0.5, seconds=0.0)


def plan_of(config: ProjectConfig) -> TrainingPlan:
    """The plan of a first training: the project's own budget and holdout."""
    return TrainingPlan(budget_ms=parse_duration(config.training.budget), experiment=config.project)
