"""The rules: what in a window asks for attention.

Each rule judges only windows that hold enough rows for it, so that silence is not mistaken for
health: a kind without a judgement keeps whatever alert it had.
"""

from __future__ import annotations

from collections.abc import Mapping

from millwright.kernel.clock import rfc3339
from millwright.kernel.config import MonitoringConfig
from millwright.monitoring.alert_rules import rule_judgements
from millwright.monitoring.policy.evidence import FLOOR
from millwright.monitoring.records import (
    AlertKind,
    AlertSignal,
    Judgement,
    Severity,
    WindowSummary,
)

NAMED_FEATURES = 3
"""Features that a title names; the record lists all."""


def judge(
    window: WindowSummary, policy: MonitoringConfig, since: Mapping[str, int] | None = None
) -> tuple[Judgement, ...]:
    """Apply every rule that this window has rows enough for.

    Args:
        window: the window's summary.
        policy: thresholds and ``min_rows``.
        since: when each kind of alert that is still unresolved began, in event milliseconds.
    """
    begun = since or {}
    if window.n < policy.min_rows:
        return ()
    found: list[Judgement | None] = [
        _data_drift(window, policy, begun.get("data_drift", window.start_ms)),
        _column_drift(window, policy, begun.get("column_drift")),
        _prediction_drift(window, policy, begun.get("prediction_drift", window.start_ms)),
        _performance(window, policy, begun.get("performance", window.start_ms)),
        _loss(window, policy),
        _latency(window, policy, begun.get("latency", window.start_ms)),
    ]
    found += rule_judgements(window, policy.alerts.rules)
    return tuple(judgement for judgement in found if judgement is not None)


def signals(
    window: WindowSummary, policy: MonitoringConfig, since: Mapping[str, int] | None = None
) -> tuple[AlertSignal, ...]:
    """Only what asks for attention."""
    return tuple(j.signal for j in judge(window, policy, since) if j.signal is not None)


def _data_drift(window: WindowSummary, policy: MonitoringConfig, since: int) -> Judgement | None:
    if not window.features:
        return None
    drifted = sorted(
        (column for column in window.features if column.drifted),
        key=lambda column: column.threshold - column.value,
    )
    share = len(drifted) / len(window.features)
    if not drifted or share < policy.drift.share:
        return Judgement(kind="data_drift")
    named = ", ".join(
        f"{column.feature} ({column.value:.2f})" for column in drifted[:NAMED_FEATURES]
    )
    title = (
        f"{len(drifted)} of {len(window.features)} monitored features ({share:.0%}) have moved"
        f" since {_day(since)} farther from training than they varied in it, most of all {named};"
        f" {policy.drift.share:.0%} is allowed."
    )
    return _signal(
        "data_drift",
        title,
        effect=share,
        threshold=policy.drift.share,
        since=since,
        features=tuple(column.feature for column in drifted),
        evidence={
            "rows": window.n,
            "drifted": len(drifted),
            "monitored": len(window.features),
            "largest": drifted[0].value,
            "statistic": drifted[0].statistic,
        },
    )


def _column_drift(
    window: WindowSummary, policy: MonitoringConfig, begun: int | None
) -> Judgement | None:
    """Single columns that have surely moved: pages, unless labels say that no harm is done.

    Where so many have moved that ``data_drift`` speaks, one alert is enough.
    """
    whole = _data_drift(window, policy, window.start_ms)
    if whole is not None and whole.signal is not None:
        return Judgement(kind="column_drift")
    weighed = [
        (column, column.evidence) for column in window.features if column.evidence is not None
    ]
    if not weighed:
        return None
    moved = [(column, found) for column, found in weighed if found.tier != "none"]
    if not moved:
        return Judgement(kind="column_drift")
    moved.sort(key=lambda pair: (pair[1].tier != "page", -pair[1].effect))
    (first, found), harm = moved[0], _harm(window, policy)
    pages = found.tier == "page" and harm is not False
    since = min(entry.since_ms for _, entry in moved)
    others = f" {len(moved) - 1} more of {len(weighed)} too." if len(moved) > 1 else ""
    promise = (
        ""
        if found.promised
        else (
            " Neighbouring rows resemble one another, so the rate of false alarms is an estimate."
        )
    )
    title = (
        f"{first.feature} has moved since {_day(since)} by {found.effect:.2f}"
        f" {found.unit}:"
        f" '{found.cell}' went from {found.share_then:.0%} to {found.share_now:.0%}"
        f" of {found.rows:,} rows; by chance p = {found.p_value:.1g}.{others}{promise}"
    )
    return _signal(
        "column_drift",
        title,
        effect=found.effect,
        threshold=FLOOR,
        since=since if begun is None else min(begun, since),
        features=tuple(column.feature for column, _ in moved),
        evidence={
            "rows": found.rows,
            "windows": found.windows,
            "p_value": found.p_value,
            "cell": found.cell,
            "share_then": found.share_then,
            "share_now": found.share_now,
            "tier": found.tier,
            "harm": "unknown" if harm is None else "yes" if harm else "no",
        },
        severity="critical" if pages else "warning",
    )


def _harm(window: WindowSummary, policy: MonitoringConfig) -> bool | None:
    """Whether labels say that predictions became worse; None without labels enough."""
    judged = _performance(window, policy, window.start_ms)
    return None if judged is None else judged.signal is not None


def _prediction_drift(
    window: WindowSummary, policy: MonitoringConfig, since: int
) -> Judgement | None:
    drift = window.prediction
    if drift is None:
        return None
    if not drift.drifted:
        return Judgement(kind="prediction_drift")
    title = (
        f"The model's scores have moved from validation since {_day(since)}: Jensen–Shannon"
        f" distance {drift.value:.2f}, threshold {drift.threshold:.2f}."
    )
    return _signal(
        "prediction_drift",
        title,
        effect=drift.value,
        threshold=drift.threshold,
        since=since,
        evidence={"rows": window.n, "statistic": drift.statistic},
    )


def _performance(window: WindowSummary, policy: MonitoringConfig, since: int) -> Judgement | None:
    if not window.performance or window.n_labelled < policy.min_rows:
        return None
    found = window.performance[0]
    if found.drop is None or found.reference is None:
        return None
    # The drop has to be larger than the policy allows and larger than chance explains.
    worst = found.high if found.higher_is_better else found.low
    explained = worst is not None and (
        worst >= found.reference if found.higher_is_better else worst <= found.reference
    )
    if found.drop <= policy.performance.max_drop or explained:
        return Judgement(kind="performance")
    bounds = ""
    if found.low is not None and found.high is not None:
        bounds = f" (95 % interval {found.low:.3f} to {found.high:.3f})"
    title = (
        f"{found.metric} is {found.value:.3f}{bounds} against {found.reference:.3f} at validation"
        f" since {_day(since)}: worse by {found.drop:.3f}, {policy.performance.max_drop:.3f} is"
        " allowed."
    )
    return _signal(
        "performance",
        title,
        effect=found.drop,
        threshold=policy.performance.max_drop,
        since=since,
        evidence={
            "metric": found.metric,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "reference": found.reference,
            "labelled_rows": found.rows,
        },
    )


def _loss(window: WindowSummary, policy: MonitoringConfig) -> Judgement | None:
    """Errors of all windows together: slower changes than one window can show."""
    if window.errors is None or window.n_labelled < policy.min_rows:
        return None
    found = window.loss
    if found is None:
        return Judgement(kind="loss")
    title = (
        f"Errors have become more frequent since {_day(found.since_ms)}: {found.after:.1%} of"
        f" {found.rows:,} labelled predictions against {found.before:.1%} before; chance alone says"
        f" so once in {found.run_length:,.0f} windows at most."
    )
    return _signal(
        "loss",
        title,
        effect=found.after - found.before,
        threshold=0.0,
        since=found.since_ms,
        evidence={"before": found.before, "after": found.after, "rows": found.rows},
    )


def _latency(window: WindowSummary, policy: MonitoringConfig, since: int) -> Judgement | None:
    p95 = window.latency.p95_ms
    if p95 is None:
        return None
    if p95 <= policy.latency.p95_ms:
        return Judgement(kind="latency")
    title = (
        f"The 95th percentile of latency is {p95:.1f} ms since {_day(since)}, the objective is"
        f" {policy.latency.p95_ms:.1f} ms."
    )
    return _signal(
        "latency",
        title,
        effect=p95,
        threshold=policy.latency.p95_ms,
        since=since,
        evidence={
            "requests": window.latency.requests,
            "p50_ms": window.latency.p50_ms,
            "p99_ms": window.latency.p99_ms,
        },
    )


def _signal(
    kind: AlertKind,
    title: str,
    *,
    effect: float,
    threshold: float,
    since: int,
    evidence: dict[str, float | int | str | None],
    features: tuple[str, ...] = (),
    severity: Severity | None = None,
) -> Judgement:
    signal = AlertSignal(
        kind=kind,
        severity=severity or ("critical" if kind == "performance" else "warning"),
        title=title,
        effect=effect,
        threshold=threshold,
        since_ms=since,
        features=features,
        evidence=evidence,
    )
    return Judgement(kind=kind, signal=signal)


def _day(milliseconds: int) -> str:
    text = rfc3339(milliseconds)
    return text[:10] if text[11:19] == "00:00:00" else f"{text[:10]} {text[11:16]} UTC"
