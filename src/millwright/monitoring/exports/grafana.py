"""A Grafana dashboard of a deployment, as its JSON model.

Source: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

import json
from typing import Any

_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT = 12, 8


def dashboard(project: str, deployment: str) -> str:
    """The dashboard; it asks for its Prometheus when it is imported."""
    panels = _panels(f'{{deployment="{deployment}"}}')
    for number, panel in enumerate(panels):
        panel["id"] = number + 1
        panel["gridPos"] = {
            "h": _HEIGHT,
            "w": _WIDTH,
            "x": _WIDTH * (number % 2),
            "y": _HEIGHT * (number // 2),
        }
    content = {
        "title": f"Millwright: {deployment}",
        "uid": f"millwright-{project}-{deployment}"[:40],
        "tags": ["millwright", project],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "source",
                    "type": "datasource",
                    "query": "prometheus",
                    "label": "Prometheus",
                }
            ]
        },
        "panels": panels,
    }
    return json.dumps(content, indent=2) + "\n"


def _panels(own: str) -> list[dict[str, Any]]:
    return [
        _panel(
            "Requests by status",
            "reqps",
            ("{{code}}", f"sum by (code) (rate(millwright_requests_total{own}[5m]))"),
        ),
        _panel("Latency", "s", *_quantiles(own)),
        _panel(
            "Share of failed requests",
            "percentunit",
            ("5 minutes", f"deployment:millwright_errors:ratio_rate5m{own}"),
            ("1 hour", f"deployment:millwright_errors:ratio_rate1h{own}"),
        ),
        _panel("Performance", "none", *_performance(own)),
        _panel(
            "Drift by column",
            "none",
            ("{{feature}}", f"millwright_feature_drift_distance{own}"),
        ),
        _panel(
            "Share of columns that drifted",
            "percentunit",
            ("columns", f"millwright_features_drifted_ratio{own}"),
        ),
        _panel(
            "Rows of the latest window",
            "short",
            ("predicted", f"millwright_window_rows{own}"),
            ("labelled", f"millwright_window_labelled_rows{own}"),
        ),
        _panel("Open alerts", "short", ("{{kind}} {{severity}}", f"millwright_alert_active{own}")),
    ]


def _quantiles(own: str) -> list[tuple[str, str]]:
    rates = f"sum by (le) (rate(millwright_request_seconds_bucket{own}[5m]))"
    return [(f"p{q}", f"histogram_quantile(0.{q}, {rates})") for q in (50, 95, 99)]


def _performance(own: str) -> list[tuple[str, str]]:
    return [
        ("{{metric}}", f"millwright_performance{own}"),
        ("{{metric}} at validation", f"millwright_performance_reference{own}"),
    ]


def _panel(title: str, unit: str, *queries: tuple[str, str]) -> dict[str, Any]:
    return {
        "title": title,
        "type": "timeseries",
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": [
            {"refId": chr(65 + at), "datasource": _SOURCE, "expr": query, "legendFormat": name}
            for at, (name, query) in enumerate(queries)
        ],
    }
