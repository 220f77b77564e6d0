"""How often a rule would have fired: on the windows that are stored, before anybody is woken by it."""

from __future__ import annotations

from collections.abc import Sequence

from millwright.kernel.config_alerts import AlertRuleConfig
from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.record import Record
from millwright.kernel.store import Store
from millwright.monitoring.alert_rules import rule_judgements, values_of
from millwright.monitoring.records import Window
from millwright.monitoring.service import list_windows
from millwright.monitoring.stored_catalog import StoredCatalog

WINDOWS = 1_000


class RulePreview(Record):
    """What a rule says of the windows so far."""

    windows: int
    """Closed windows that have enough rows."""
    judged: int
    """Those of them that have the value."""
    fired: int
    """Those in which it would have been so."""
    alerts: int
    """Alerts that would have come of it: windows in a row are one."""
    at: tuple[str, ...]
    """When each of these would have been raised."""
    lowest: float | None = None
    highest: float | None = None


def preview_of(windows: Sequence[Window], rule: AlertRuleConfig, min_rows: int) -> RulePreview:
    """Judge windows by a rule, oldest first.

    Raises:
        InvalidInput: no window has the value that the rule names.
    """
    usable = [w for w in windows if w.status == "closed" and w.n >= min_rows]
    values, at, fired, going = [], [], 0, False
    for window in usable:
        value = values_of(window).get(rule.value)
        (judged,) = rule_judgements(window, {"tried": rule})
        if value is None or judged is None:
            continue
        values.append(value)
        fired += judged.signal is not None
        if judged.signal is not None and not going:
            at.append(window.end)
        going = judged.signal is not None
    if usable and not values:
        known = sorted({name for window in usable for name in values_of(window)})
        guess = nearest(rule.value, known)
        raise InvalidInput(
            "monitoring.unknown_value",
            f"No window has the value '{rule.value}'.",
            hint=f"Did you mean '{guess}'?" if guess else f"There are: {', '.join(known[:30])}.",
            value=rule.value,
        )
    return RulePreview(
        windows=len(usable),
        judged=len(values),
        fired=fired,
        alerts=len(at),
        at=tuple(at),
        lowest=min(values, default=None),
        highest=max(values, default=None),
    )


def preview_rule(store: Store, project: str, name: str, rule: AlertRuleConfig) -> RulePreview:
    """What a rule says of a deployment's latest windows; see ``preview_of``.

    Raises:
        NotFound: the project has no such deployment.
    """
    least = StoredCatalog(store).policy(project).min_rows
    return preview_of(list_windows(store, project, name, WINDOWS), rule, least)
