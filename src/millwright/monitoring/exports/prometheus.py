"""Recording and alerting rules of a deployment, their unit tests, and how to scrape it.

The alerts on the error budget follow the multi-window burn rates of the Site Reliability Workbook,
chapter 5: 2 % of a month's budget in an hour, or 5 % in six.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import yaml

from millwright.kernel.config import MonitoringConfig

RATES = ("5m", "30m", "1h", "6h")
BURNS = (("critical", 14.4, "1h", "5m", "2m"), ("warning", 6.0, "6h", "30m", "15m"))
"""Severity, multiple of the budget, the long and the short window, and how long it has to be so."""
OBJECTIVE = 0.999


def rules(deployment: str, policy: MonitoringConfig, page: str) -> str:
    """``rules.yml``; ``page`` is where people see why."""
    groups = [
        {
            "name": f"millwright-{deployment}-recording",
            "interval": "15s",
            "rules": _recording(deployment),
        },
        {
            "name": f"millwright-{deployment}-alerts",
            "interval": "15s",
            "rules": _alerting(deployment, policy, page),
        },
    ]
    return _text({"groups": groups}, "Recording and alerting rules, made by mw monitor export.")


def scraping(project: str, deployment: str, server: str, endpoint: str | None) -> str:
    """``scrape.yml``: what to put under ``scrape_configs``, or into a ``scrape_config_files``."""
    jobs = [_job(f"millwright-{project}", server, f"/api/v1/projects/{project}/metrics", {})]
    if endpoint is not None:
        jobs.append(
            _job(
                f"millwright-{project}-{deployment}",
                endpoint,
                "/metrics",
                {"deployment": deployment},
            )
        )
    said = "With tokens, add authorization: {credentials_file: FILE} to the first job."
    return _text({"scrape_configs": jobs}, said)


def rule_tests(deployment: str, policy: MonitoringConfig, page: str) -> str:
    """``tests.yml`` for ``promtool test rules``: each alert is raised by what it is for, and only by
    that."""
    requests = f'millwright_requests_total{{deployment="{deployment}",protocol="v2",code="%s"}}'
    fine = {"series": requests % 200, "values": "0+100x400"}
    broken = {"series": requests % 500, "values": "0+10x400"}
    active = f'millwright_alert_active{{deployment="{deployment}",kind="data_drift",'
    active += 'severity="warning",status="open"}'
    severe = next(r for r in _alerting(deployment, policy, page) if r["alert"].endswith("Raised"))
    raised = {
        "exp_labels": {
            "deployment": deployment,
            "kind": "data_drift",
            "severity": "warning",
            "status": "open",
        },
        "exp_annotations": {
            name: text.replace("{{ $labels.kind }}", "data_drift")
            for name, text in severe["annotations"].items()
        },
    }
    burning = [
        {
            "exp_labels": {"deployment": deployment, "severity": rule["labels"]["severity"]},
            "exp_annotations": rule["annotations"],
        }
        for rule in _alerting(deployment, policy, page)
        if rule["alert"] == "MillwrightErrorBudgetBurns"
    ]
    tests = [
        {
            "interval": "15s",
            "input_series": [fine],
            "alert_rule_test": [
                {"eval_time": "1h30m", "alertname": "MillwrightErrorBudgetBurns", "exp_alerts": []},
                {"eval_time": "1h30m", "alertname": "MillwrightAlertRaised", "exp_alerts": []},
            ],
        },
        {
            "interval": "15s",
            "input_series": [fine, broken, {"series": active, "values": "1x400"}],
            "alert_rule_test": [
                {
                    "eval_time": "1h30m",
                    "alertname": "MillwrightErrorBudgetBurns",
                    "exp_alerts": burning,
                },
                {
                    "eval_time": "1h30m",
                    "alertname": "MillwrightAlertRaised",
                    "exp_alerts": [raised],
                },
            ],
        },
    ]
    found = {"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": tests}
    return _text(found, "Run: promtool test rules tests.yml")


def _recording(deployment: str) -> list[dict[str, Any]]:
    own = f'{{deployment="{deployment}"}}'
    found: list[dict[str, Any]] = [
        {
            "record": "deployment:millwright_requests:rate5m",
            "expr": f"sum by (deployment) (rate(millwright_requests_total{own}[5m]))",
        },
        {
            "record": "deployment:millwright_request_seconds:p95_5m",
            "expr": "histogram_quantile(0.95, sum by (deployment, le) "
            f"(rate(millwright_request_seconds_bucket{own}[5m])))",
        },
    ]
    failed = f'{{deployment="{deployment}",code=~"5.."}}'
    for length in RATES:
        every = f"sum by (deployment) (rate(millwright_requests_total{own}[{length}]))"
        bad = f"sum by (deployment) (rate(millwright_requests_total{failed}[{length}]))"
        # Without a failure there is no series of failures, and the ratio is zero, not absent.
        found.append(
            {
                "record": f"deployment:millwright_errors:ratio_rate{length}",
                "expr": f"({bad} or 0 * {every}) / {every}",
            }
        )
    return found


def _alerting(deployment: str, policy: MonitoringConfig, page: str) -> list[dict[str, Any]]:
    own = f'{{deployment="{deployment}"}}'
    found = [
        _alert(
            "MillwrightAlertRaised",
            f"max by (deployment, kind, severity, status) (millwright_alert_active{own}) == 1",
            "0s",
            None,
            f"{deployment}: " + "{{ $labels.kind }}",
            page,
        )
    ]
    for severity, burn, long, short, lasting in BURNS:
        limit = f"{burn * (1.0 - OBJECTIVE):.4g}"
        ratio = "deployment:millwright_errors:ratio_rate"
        found.append(
            _alert(
                "MillwrightErrorBudgetBurns",
                f"{ratio}{long}{own} > {limit} and {ratio}{short}{own} > {limit}",
                lasting,
                severity,
                f"{deployment} fails so often that its error budget ({1 - OBJECTIVE:.1%} of requests)"
                f" is used up {burn:g} times too fast.",
                page,
            )
        )
    found += [
        _alert(
            "MillwrightSlow",
            f"deployment:millwright_request_seconds:p95_5m{own} > {policy.latency.p95_ms / 1000:g}",
            "5m",
            "warning",
            f"The 95th percentile of {deployment}'s latency is above {policy.latency.p95_ms:g} ms.",
            page,
        ),
        _alert(
            "MillwrightPredictionsNotLogged",
            f"increase(millwright_log_dropped_rows_total{own}[10m]) > 0",
            "0s",
            "critical",
            f"Predictions of {deployment} could not be logged.",
            page,
        ),
        _alert(
            "MillwrightNotServing",
            f"up{own} == 0",
            "1m",
            "critical",
            f"The inference server of {deployment} cannot be scraped.",
            page,
        ),
    ]
    return found


def _alert(
    name: str, expression: str, lasting: str, severity: str | None, summary: str, page: str
) -> dict[str, Any]:
    rule: dict[str, Any] = {"alert": name, "expr": expression, "for": lasting}
    if severity is not None:
        rule["labels"] = {"severity": severity}
    annotations = {"summary": summary}
    if page:
        annotations["page"] = page
    return rule | {"annotations": annotations}


def _job(name: str, address: str, path: str, labels: dict[str, str]) -> dict[str, Any]:
    parts = urlsplit(address)
    target: dict[str, Any] = {"targets": [parts.netloc]}
    if labels:
        target["labels"] = labels
    return {
        "job_name": name,
        "scheme": parts.scheme,
        "metrics_path": path,
        # What we say of a deployment is about that one, not about the process that was asked.
        "honor_labels": True,
        "static_configs": [target],
    }


def _text(content: dict[str, Any], comment: str) -> str:
    written = yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True)
    return f"# {comment}\n{written}"
