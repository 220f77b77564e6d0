"""``millwright.yaml``: the whole project in one readable file, as one frozen record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from millwright.kernel.config_alerts import AlertsConfig as AlertsConfig
from millwright.kernel.config_automation import (
    NotificationsConfig,
    ScheduleConfig,
    TriggerConfig,
)
from millwright.kernel.config_retraining import RetrainingConfig as RetrainingConfig
from millwright.kernel.config_types import Duration as Duration
from millwright.kernel.config_types import Name as Name
from millwright.kernel.config_types import Share as Share
from millwright.kernel.config_types import Size
from millwright.kernel.errors import InvalidInput, NotFound, nearest
from millwright.kernel.record import Record
from millwright.kernel.serving_config import ServingConfig
from millwright.kernel.target_config import Target
from millwright.kernel.workspace import FILE_NAME as FILE_NAME


class SideTable(Record):
    """A second table joined to the main one.

    With ``time`` the join is point-in-time: the latest row at or before the main row's time, at
    most ``tolerance`` old. Without it the join is by key alone.
    """

    source: str
    keys: tuple[str, ...]
    time: str | None = None
    tolerance: Duration = "7d"
    columns: tuple[str, ...] = ()
    """Columns to bring; all but keys and time when empty."""


class DataConfig(Record):
    """Where the rows come from and what they mean."""

    source: str
    target: str
    time: str | None = None
    """The moment at which the prediction is made; splits and joins look only backwards from it."""
    entity: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    tables: dict[str, SideTable] = Field(default_factory=dict)


class RollingFeature(Record):
    """The recent past of an entity, known before the prediction time."""

    by: tuple[str, ...]
    value: str
    available_at: str
    """Column with the moment from which ``value`` of that row was known."""
    windows: tuple[Duration, ...] = ("1d", "7d")


class AgeFeature(Record):
    """Years between a year or date column and the prediction time."""

    name: str
    since: str


class FeaturesConfig(Record):
    """What is computed from the columns before training."""

    calendar: bool = True
    rolling: tuple[RollingFeature, ...] = ()
    ages: tuple[AgeFeature, ...] = ()
    leakage: Literal["drop", "report"] = "drop"


class TrainingConfig(Record):
    """How a model is searched for, or which function of yours trains it."""

    budget: Duration = "60s"
    families: tuple[str, ...] = ()
    metric: str = "auto"
    function: str | None = None
    """``module:function`` of your own code, used in place of the built-in search."""
    holdout: Annotated[float, Field(gt=0.0, lt=0.9)] = 0.2
    """Share of the rows (the latest, where there is time) kept for validation."""
    seed: int = 7


class Gate(Record):
    """A threshold that a model has to meet before it may become champion."""

    metric: str
    """A metric (``roc_auc``), or ``worst_slice.roc_auc``, ``fairness.gap``, ``robustness.drop``,
    ``improvement`` (over the champion)."""
    min: float | None = None
    max: float | None = None


class FairnessConfig(Record):
    """Groups between which outcomes are compared."""

    groups: tuple[str, ...] = ()


class RobustnessConfig(Record):
    """How strongly inputs are disturbed: noise in standard deviations, share made missing."""

    noise: float = 0.1
    missing: Share = 0.1


class EvaluationConfig(Record):
    """What a model is measured on and what it has to reach."""

    slices: tuple[str, ...] = ()
    fairness: FairnessConfig = FairnessConfig()
    robustness: RobustnessConfig = RobustnessConfig()
    gates: tuple[Gate, ...] = ()


class RegistryConfig(Record):
    """What a version needs before it may take a name."""

    approvals: dict[str, Annotated[int, Field(ge=0, le=20)]] = Field(default_factory=dict)
    """By alias: how many people other than the one who registered a version must approve it."""
    code: Literal["flag", "refuse"] = "flag"
    """What of packages with pickles or code in them, which run when they are loaded."""
    require_signature: bool = False
    """Load only versions that were signed here when they were registered."""


class CanaryConfig(Record):
    """How a challenger is tried on live traffic."""

    share: Share = 0.3
    min_labels: int = 1000
    max_windows: int = 4
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    max_slowdown: Annotated[float, Field(ge=0.0)] = 0.5
    """How much longer than the champion's the challenger's 95th percentile of latency may be, as a
    share of it."""
    max_disagreement: Share | None = None
    """The share of rows on which the two may differ: another class, or a value more than 10 % away.
    Not limited by default: a challenger is there to differ."""


class DeploymentConfig(Record):
    """What should be served and how challengers replace champions."""

    name: Name | None = None
    graph: str | None = None
    """A file beside this one that joins models behind one name, which `mw deploy` then serves."""
    port: int = 0
    """0 picks a free port and keeps it."""
    canary: CanaryConfig = CanaryConfig()
    serving: ServingConfig = ServingConfig()
    """How it is served: limits, guard, keys, workers."""
    targets: dict[Name, Target] = Field(default_factory=dict)
    """Where else the model goes, by the name that `mw deploy --target` takes."""


class DriftConfig(Record):
    """When a window counts as drifted: effect size per feature, share of features."""

    threshold: float = 0.1
    share: Share = 0.3
    prediction_threshold: float = 0.1


class RankingConfig(Record):
    """What is a ranking in the log, and how much of it is looked at."""

    by: str = "request_id"
    """The feature, or column of the log, that is the same in all rows of a ranking."""
    cuts: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (5, 10)


class ForecastConfig(Record):
    """What is a series in the log, and how many steps its season has."""

    series: str | None = None
    """The feature, or column of the log, that names it; all rows are of one where absent."""
    season: Annotated[int, Field(ge=1)] = 1


class PerformanceConfig(Record):
    """How far the metric may fall below its value at validation, and what else is measured."""

    metric: str = "auto"
    max_drop: float = 0.03
    segments: tuple[str, ...] = ()
    """Features whose values are measured one by one."""
    fairness: tuple[str, ...] | None = None
    """Features between whose groups gaps are measured; those of ``evaluation`` where absent."""
    ranking: RankingConfig | None = None
    forecast: ForecastConfig | None = None


class LatencyConfig(Record):
    """The latency objective, in milliseconds at the server."""

    p95_ms: float = 50.0


class MonitoringConfig(Record):
    """What is watched while a model serves."""

    window: Duration = "7d"
    min_rows: int = 200
    drift: DriftConfig = DriftConfig()
    performance: PerformanceConfig = PerformanceConfig()
    latency: LatencyConfig = LatencyConfig()
    alerts: AlertsConfig = AlertsConfig()
    keep_log: Duration | None = None
    """For how long after it was served a prediction stays in the log; for ever where absent."""


class RetentionConfig(Record):
    """Which versions of datasets keep their bytes; all of them where neither limit is given.

    A version goes only if no rule keeps it. The newest of each branch always stays.
    """

    keep_last: Annotated[int, Field(ge=1)] | None = None
    keep_for: Duration | None = None
    keep_tagged: bool = True
    keep_used: bool = True
    """Keep what a run or model came of."""
    deleted_runs: Duration = "30d"
    """For how long a deleted run can be restored; then it is purged."""


class QuotasConfig(Record):
    """What the project may use of an installation; no limit where nothing is said."""

    bytes: Size | None = None
    """Stored bytes: datasets, artifacts, models; equal bytes count once."""
    runs: Annotated[int, Field(ge=0)] | None = None
    """Runs, deleted ones that can still be restored included."""


class LineageConfig(Record):
    """Where lineage is sent on to."""

    openlineage: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None
    """The address that takes OpenLineage events, such as ``https://marquez.example/api/v1/lineage``;
    a key for it stands in the environment variable ``OPENLINEAGE_API_KEY``."""


_NO_DATA = {"source": "none", "target": "none"}


class ProjectConfig(Record):
    """All of ``millwright.yaml``."""

    project: Name
    data: DataConfig
    features: FeaturesConfig = FeaturesConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    registry: RegistryConfig = RegistryConfig()
    deployment: DeploymentConfig = DeploymentConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    retraining: RetrainingConfig = RetrainingConfig()
    lineage: LineageConfig = LineageConfig()
    retention: RetentionConfig = RetentionConfig()
    quotas: QuotasConfig = QuotasConfig()
    schedules: dict[Name, ScheduleConfig] = Field(default_factory=dict)
    triggers: dict[Name, TriggerConfig] = Field(default_factory=dict)
    notifications: NotificationsConfig = NotificationsConfig()

    @property
    def deployment_name(self) -> str:
        """The name under which the model is served."""
        return self.deployment.name or self.project


class StartsConfig(Record):
    """What of ``millwright.yaml`` holds for a project without the main job, too."""

    project: Name
    has_data: bool
    """Whether ``data`` is said, which the main job needs."""
    deployment: DeploymentConfig
    retention: RetentionConfig
    schedules: dict[Name, ScheduleConfig]
    triggers: dict[Name, TriggerConfig]
    notifications: NotificationsConfig


def load_starts(path: Path) -> StartsConfig:
    """What a project file says beside the main job; the file may lack ``data``, for a project of
    versions, runs or pipelines of its own. All else is checked; errors as in ``load_project``.
    """
    raw = _parsed(_text_of(path), path.name)
    whole = _checked({"data": _NO_DATA, **raw}, path.name)
    return StartsConfig(
        project=whole.project,
        has_data="data" in raw,
        deployment=whole.deployment,
        retention=whole.retention,
        schedules=whole.schedules,
        triggers=whole.triggers,
        notifications=whole.notifications,
    )


def load_project(path: Path) -> ProjectConfig:
    """Read and check a project file.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it is not YAML, or a key or value is wrong; the message names the key and,
            for an unknown one, the nearest that exists.
    """
    return parse_project(_text_of(path), name=path.name)


def parse_project(text: str, name: str = FILE_NAME) -> ProjectConfig:
    """The project that a YAML text describes; errors as in ``load_project``."""
    return _checked(_parsed(text, name), name)


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as cause:
        raise NotFound(
            "config.missing",
            f"There is no {path.name} in {path.parent}.",
            hint="Create one with: mw init NAME --data FILE --target COLUMN",
        ) from cause


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as cause:
        place = getattr(cause, "problem_mark", None)
        line = f" at line {place.line + 1}, column {place.column + 1}" if place else ""
        problem = getattr(cause, "problem", None) or "it cannot be read"
        raise InvalidInput(
            "config.yaml", f"{name} is not valid YAML{line}: {problem}.", hint="Mend that line."
        ) from cause
    if not isinstance(raw, dict):
        raise InvalidInput(
            "config.yaml",
            f"{name} should hold keys and values, starting with 'project:'.",
            hint="See docs/guide/project-file.md for a full example.",
        )
    return raw


def _checked(raw: dict[str, Any], name: str) -> ProjectConfig:
    try:
        return ProjectConfig.model_validate(raw)
    except ValidationError as cause:
        raise _explain(cause, raw, name) from cause


def _explain(cause: ValidationError, raw: dict[str, Any], name: str) -> InvalidInput:
    # A misspelt key that is required is two errors; the misspelling is the one to tell.
    first = min(cause.errors(), key=lambda error: error["type"] != "extra_forbidden")
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        known = _known_keys(parents)
        guess = nearest(str(key), known)
        hint = f"Did you mean '{guess}'?" if guess else f"Known keys: {', '.join(sorted(known))}."
        return InvalidInput(
            "config.unknown_key", f"{name} has an unknown key '{place}'.", hint=hint, value=key
        )
    if first["type"] == "missing":
        return InvalidInput(
            "config.missing_key", f"{name} lacks the key '{place}'.", hint="Add it and try again."
        )
    message = first["msg"].removeprefix("Value error, ")
    return InvalidInput(
        "config.value",
        f"{name}: the value of '{place}' is not usable: {message}.",
        hint="See docs/guide/project-file.md for what each key takes.",
        value=first.get("input"),
    )


def _known_keys(parents: list[int | str]) -> list[str]:
    kind: Any = ProjectConfig
    for part in parents:
        if isinstance(part, int):
            continue
        field = kind.model_fields.get(part)
        if field is None:
            continue
        candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
        kind = next((c for c in candidates if isinstance(c, type) and issubclass(c, Record)), kind)
    return list(kind.model_fields)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``millwright.yaml``, for editors."""
    schema = ProjectConfig.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "millwright.yaml"
    return schema
