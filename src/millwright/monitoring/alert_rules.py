"""The project's own rules: a number of a window against a limit."""

from __future__ import annotations

from collections.abc import Mapping

from millwright.kernel.config_alerts import AlertRuleConfig
from millwright.monitoring.records import AlertSignal, Judgement, WindowSummary


def rule_judgements(
    window: WindowSummary, rules: Mapping[str, AlertRuleConfig]
) -> list[Judgement | None]:
    """What each rule says; None where the window does not have its number."""
    if not rules:
        return []
    values = values_of(window)
    return [_judged(name, rule, values, window) for name, rule in rules.items()]


def values_of(window: WindowSummary) -> dict[str, float]:
    """The numbers of a window that rules may name."""
    found: dict[str, float | None] = {
        "rows": window.n,
        "labelled_share": window.n_labelled / window.n if window.n else None,
        "drifted_share": window.drifted_share if window.features else None,
        "prediction_drift": None if window.prediction is None else window.prediction.value,
        "p50_ms": window.latency.p50_ms,
        "p95_ms": window.latency.p95_ms,
        "p99_ms": window.latency.p99_ms,
    }
    if window.errors is not None and window.n_labelled:
        found["error_rate"] = window.errors / window.n_labelled
    for column in window.features:
        found[f"drift.{column.feature}"] = column.value
        found[f"missing.{column.feature}"] = column.missing_share
        found[f"new.{column.feature}"] = column.new_share
    found.update({metric.metric: metric.value for metric in window.performance})
    for part in window.segments:
        # A handful of rows crosses any limit; what is too small to judge raises nothing.
        if part.low is not None:
            where = f"segment.{part.column}.{part.name}"
            found.update({f"{where}.{name}": value for name, value in part.metrics.items()})
    found.update({f"fairness.{gap.column}.{gap.gap}": gap.value for gap in window.fairness})
    if window.expected is not None and not window.expected.why:
        found.update({f"expected.{name}": value for name, value in window.expected.metrics.items()})
    return {name: float(value) for name, value in found.items() if value is not None}


def _judged(
    name: str, rule: AlertRuleConfig, values: Mapping[str, float], window: WindowSummary
) -> Judgement | None:
    value, kind = values.get(rule.value), f"rule:{name}"
    if value is None:
        return None
    limit = rule.above if rule.above is not None else rule.below
    assert limit is not None
    broken = value > limit if rule.above is not None else value < limit
    if not broken:
        return Judgement(kind=kind)
    side = "above" if rule.above is not None else "below"
    signal = AlertSignal(
        kind=kind,
        severity=rule.severity,
        title=f"{name}: {rule.value} is {value:.4g}, {side} {limit:.4g}.",
        effect=value,
        threshold=limit,
        since_ms=window.start_ms,
        evidence={"value": rule.value, "rows": window.n, "labelled_rows": window.n_labelled},
    )
    return Judgement(kind=kind, signal=signal)
