"""Windows and alerts in the Prometheus text format 0.0.4.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from millwright.monitoring.records import Alert, Window

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_Sample = tuple[Mapping[str, str], float]
_Named = tuple[str, str, list[_Sample]]


def exposition(windows: Mapping[str, Window | None], alerts: Sequence[Alert]) -> str:
    """Everything as text.

    Args:
        windows: the latest closed window of each deployment, by its name.
        alerts: those that are not resolved.
    """
    known = [window for window in windows.values() if window is not None]
    features = [(window, column) for window in known for column in window.features]
    measured = [(window, metric) for window in known for metric in window.performance]

    def of(window: Window, **more: str) -> dict[str, str]:
        return {"deployment": window.deployment, **more}

    families: list[_Named] = [
        ("deployment_watched", "1 for each deployment.", [({"deployment": n}, 1) for n in windows]),
        *_of_windows(known),
        (
            "feature_drift_distance",
            "Distance of a column from training, 0 to 1.",
            [(of(w, feature=c.feature), c.value) for w, c in features],
        ),
        (
            "feature_drift_threshold",
            "Distance from which on a column has drifted.",
            [(of(w, feature=c.feature), c.threshold) for w, c in features],
        ),
        (
            "features_drifted_ratio",
            "Share of the columns that have drifted.",
            [(of(w), w.drifted_share) for w in known if w.features],
        ),
        (
            "prediction_drift_distance",
            "Distance of the scores from validation, 0 to 1.",
            [(of(w), w.prediction.value) for w in known if w.prediction is not None],
        ),
        (
            "performance",
            "A metric on the labelled rows of the latest window.",
            [(of(w, metric=m.metric), m.value) for w, m in measured],
        ),
        (
            "performance_reference",
            "The same metric at validation.",
            [(of(w, metric=m.metric), m.reference) for w, m in measured if m.reference is not None],
        ),
        ("alert_active", "1 for each alert that is not resolved.", [_alert(a) for a in alerts]),
    ]
    return "".join(_family(*family) for family in families)


def _of_windows(known: Sequence[Window]) -> list[_Named]:
    def of(window: Window) -> dict[str, str]:
        return {"deployment": window.deployment}

    return [
        ("window_rows", "Predictions of the latest window.", [(of(w), w.n) for w in known]),
        (
            "window_labelled_rows",
            "Predictions of the latest window whose truth is known.",
            [(of(w), w.n_labelled) for w in known],
        ),
        (
            "window_end_timestamp_seconds",
            "End of the latest window, in the time of the data.",
            [(of(w), w.end_ms / 1000) for w in known],
        ),
        (
            "window_error_ratio",
            "Share of labelled predictions that were wrong.",
            [
                (of(w), w.errors / w.n_labelled)
                for w in known
                if w.errors is not None and w.n_labelled
            ],
        ),
    ]


def _alert(alert: Alert) -> _Sample:
    labels = {
        "deployment": alert.deployment,
        "kind": alert.kind,
        "severity": alert.severity,
        "status": alert.status,
    }
    return labels, 1


def _family(name: str, text: str, samples: Iterable[_Sample]) -> str:
    full = f"millwright_{name}"
    lines = [f"# HELP {full} {text}", f"# TYPE {full} gauge"]
    for labels, value in samples:
        inner = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        lines.append(f"{full}{{{inner}}} {float(value)!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
