"""Suites of Great Expectations, as JSON of 0.18 and of 1.x.

0.18 names an expectation ``expectation_type``, 1.x ``type``; both keep arguments in ``kwargs``.
Severity is ``meta.severity`` in 0.18 files of some teams and ``severity`` from 1.6 on.
"""

from __future__ import annotations

from typing import Any

from millwright.data.quality.exchange import ImportedSuite
from millwright.data.quality.imports.translation import Translation
from millwright.data.quality.kinds import ALIASES

_SEVERITIES = {"critical": "block", "warning": "warn", "info": "info"}


def recognises(loaded: dict[str, Any]) -> bool:
    """Whether a file is a suite of Great Expectations."""
    return isinstance(loaded.get("expectations"), list)


def translate(loaded: dict[str, Any]) -> ImportedSuite:
    """Its expectations as checks."""
    version = loaded.get("meta", {}).get("great_expectations_version", "")
    found = Translation(f"Great Expectations {version}".strip())
    for number, expectation in enumerate(loaded["expectations"], start=1):
        if not isinstance(expectation, dict):
            found.lacks(f"expectation {number}", "It is no object.")
            continue
        kind = str(expectation.get("type") or expectation.get("expectation_type") or "")
        kwargs = dict(expectation.get("kwargs") or {})
        where = f"expectation {number}: {kind}"
        if kind not in ALIASES:
            found.lacks(where, f"There is no core expectation '{kind}'.")
            continue
        parameters = [key for key, value in kwargs.items() if _is_parameter(value)]
        if parameters:
            found.lacks(where, f"Its {parameters[0]} is a parameter given at run time.")
            continue
        severity = expectation.get("severity") or (expectation.get("meta") or {}).get("severity")
        extra = {"severity": _SEVERITIES[severity]} if severity in _SEVERITIES else {}
        found.check(where, kind, **extra, **kwargs)
    return found.done()


def _is_parameter(value: Any) -> bool:
    return isinstance(value, dict) and "$PARAMETER" in value
