"""The records of monitoring: windows, alerts, labels, traffic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millwright.kernel.config_types import Duration, Name
from millwright.kernel.record import Record
from millwright.monitoring.drift.records import ColumnDrift

AlertKind = Literal[
    "data_drift", "column_drift", "prediction_drift", "performance", "loss", "latency"
]
"""What the monitor looks for by itself."""
RuleKind = Annotated[str, Field(pattern=r"^rule:[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
"""A rule of the project, by its name."""
Severity = Literal["warning", "critical"]
AlertStatus = Literal["open", "acknowledged", "resolved"]
WindowStatus = Literal["open", "closed"]


class Latency(Record):
    """Requests of a window and how long they took, in milliseconds at the server."""

    requests: int
    rows: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


class MetricEstimate(Record):
    """A metric on the labelled rows of a window, beside its value at validation."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    """Bounds of the 95 % confidence interval."""
    rows: int
    higher_is_better: bool
    reference: float | None = None
    """The value at validation."""
    drop: float | None = None
    """How much worse than at validation: in the metric's unit, or for an error metric as a share
    of the value at validation. Below zero it is better."""


class SegmentEstimate(Record):
    """The labelled rows of a window where a feature has a value, and how good predictions were."""

    column: str
    name: str
    """The value, or the range of values."""
    rows: int
    metrics: dict[str, float]
    low: float | None = None
    high: float | None = None
    """The 95 % interval of the watched metric; None where there are too few rows to judge."""


class FairnessGap(Record):
    """How far a window's groups are treated differently, by one definition."""

    column: str
    gap: str
    value: float
    low: float | None = None
    high: float | None = None
    """Bounds of the 95 % interval, of closed windows."""
    reference: float | None = None
    """The gap at validation."""


class LossEvidence(Record):
    """Errors have become more frequent than in the version's first windows."""

    since_ms: int
    before: float
    after: float
    rows: int
    """Labelled rows since."""
    run_length: float
    """Windows that pass, on average, at least, before chance alone says so."""


class Expectation(Record):
    """The performance that a window's scores let expect, whether or not labels have come."""

    rows: int
    """Rows with a score."""
    metrics: dict[str, float]
    why: str = ""
    """A sentence where the window is too unlike the training sample to say so; empty otherwise."""


class WindowSummary(Record):
    """All that a window says."""

    start_ms: int
    end_ms: int
    status: WindowStatus
    champion_version_id: str | None
    n: int
    n_labelled: int
    errors: int | None = None
    """Labelled rows whose prediction was wrong: another class, or a value farther off than the mean
    at validation."""
    loss: LossEvidence | None = None
    features: tuple[ColumnDrift, ...] = ()
    drifted_share: float = 0.0
    prediction: ColumnDrift | None = None
    performance: tuple[MetricEstimate, ...] = ()
    """The monitored metric first; those of rankings and forecasts last."""
    segments: tuple[SegmentEstimate, ...] = ()
    fairness: tuple[FairnessGap, ...] = ()
    expected: Expectation | None = None
    latency: Latency


class Window(WindowSummary):
    """A window as it is stored and shown."""

    id: str
    project: str
    deployment_id: str
    deployment: str
    start: str
    end: str
    requests: int
    evaluated_at: str


class AlertSignal(Record):
    """What a rule found in a window: the content of an alert."""

    kind: AlertKind | RuleKind
    severity: Severity
    title: str
    """One sentence: the effect, its evidence, since when, which features."""
    effect: float
    threshold: float
    since_ms: int
    features: tuple[str, ...] = ()
    evidence: dict[str, float | int | str | None]


class Judgement(Record):
    """The verdict of one rule on one window: a signal, or None where all is well."""

    kind: AlertKind | RuleKind
    signal: AlertSignal | None = None


class Alert(Record):
    """Something that asks for attention until it is resolved."""

    id: str
    project: str
    deployment_id: str
    deployment: str
    window_id: str
    """The last window in which it was so."""
    kind: AlertKind | RuleKind
    severity: Severity
    title: str
    status: AlertStatus
    features: tuple[str, ...]
    effect: float
    threshold: float
    windows: int
    """In how many windows it was so."""
    evidence: dict[str, float | int | str | None]
    since: str
    event_time: str
    """End of the window that raised it."""
    event_time_ms: int
    created_at: str
    resolved_at: str | None = None
    acknowledged_by: str | None = None


class NewSilence(Record):
    """Alerts that nobody is to be told about for a while."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    duration: Duration
    """From now on, such as ``2h``."""
    deployment: Name | None = None
    """Any where absent."""
    kind: AlertKind | RuleKind | None = None
    """Any where absent."""


class Silence(Record):
    """A time without messages; alerts are raised and shown as ever."""

    id: str
    project: str
    deployment: str | None
    kind: str | None
    reason: str
    created_by: str
    created_at: str
    until: str
    active: bool


class Told(Record):
    """A message about an alert, and what became of it."""

    receiver: str
    occasion: str
    """``raised``, ``acknowledged``, ``resolved``, or ``escalated-N``."""
    state: Literal["waiting", "sending", "told", "failed", "dropped"]
    attempts: int
    answer: str | None
    due: str


class Label(Record):
    """The truth about one prediction."""

    prediction_id: Annotated[str, Field(min_length=1, max_length=200)]
    value: bool | int | float | str
    observed_at: str | None = None


class LabelBatch(Record):
    """Labels as they are posted."""

    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=100_000)]


class LabelsAccepted(Record):
    """What became of posted labels."""

    accepted: int
    digest: str


class TrafficPoint(Record):
    """One second of traffic."""

    time: str
    requests: int
    rows: int
    p50_ms: float | None
    p95_ms: float | None


class Traffic(Record):
    """Traffic of the last seconds, oldest first, for a live chart."""

    deployment: str
    seconds: int
    requests_per_second: float
    rows_per_second: float
    p50_ms: float | None
    p95_ms: float | None
    canary_share: float
    """Share of the requests that the challenger answered."""
    last_request: str | None
    points: tuple[TrafficPoint, ...]
