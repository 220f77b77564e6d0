"""Suites as YAML that people read, edit and apply."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import yaml
from pydantic import ValidationError

from millwright.data.quality.records import Check, Suite
from millwright.kernel.errors import InvalidInput


def to_yaml(suite: Suite, title: str = "") -> str:
    """The suite as YAML; ``from_yaml`` reads it back as proposed checks.

    >>> suite = Suite(checks=(Check(kind="not_null", columns=("fare",), mostly=0.9),))
    >>> from_yaml(to_yaml(suite)) == suite
    True
    """
    head = f"# {title}\n" if title else ""
    head += (
        "# Edit and apply with: mw data apply NAME FILE. Kinds and arguments: mw data vocabulary.\n"
    )
    checks = [_plain(check) for check in suite.checks]
    return head + yaml.safe_dump({"checks": checks}, sort_keys=False, allow_unicode=True)


def _plain(check: Check) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": check.kind}
    default_id = f"{','.join(check.columns) or 'table'}:{check.kind}"
    if check.id != default_id:
        found["id"] = check.id
    if len(check.columns) == 1:
        found["column"] = check.columns[0]
    elif check.columns:
        found["columns"] = list(check.columns)
    found |= check.arguments
    if check.where:
        found["where"] = check.where
    if check.mostly < 1.0:
        found["mostly"] = check.mostly
    if check.severity != "block":
        found["severity"] = check.severity
    if check.status == "confirmed":
        found["status"] = "confirmed"
    return found


def from_yaml(text: str) -> Suite:
    """The suite in a YAML file; kinds may be names of Great Expectations.

    Raises:
        InvalidInput: it is not such a file, or a check in it cannot be used.
    """
    loaded = load_yaml(text)
    checks = loaded.get("checks") if isinstance(loaded, dict) else None
    if not isinstance(checks, list) or not all(isinstance(check, dict) for check in checks):
        raise InvalidInput(
            "data.suite_file",
            "The file is no suite: it needs a list 'checks'.",
            hint="See one with: mw data rules NAME --yaml",
        )
    return Suite(checks=tuple(checked(check) for check in checks))


def checked(check: dict[str, Any]) -> Check:
    """A check from a file; ``InvalidInput`` with the first mistake."""
    try:
        return Check.model_validate(check)
    except ValidationError as cause:
        first = cause.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            "data.suite_file",
            f"The check {check.get('id') or check.get('kind')!r} cannot be used: "
            f"{place}: {first['msg']}.",
            hint="Mend it and apply the file again.",
            value=place,
        ) from cause


def load_yaml(text: str) -> Any:
    """YAML or JSON, with dates as text; ``InvalidInput`` where it is neither."""
    try:
        return _dates_as_text(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError) as cause:
        raise InvalidInput(
            "data.suite_file",
            f"The file is neither YAML nor JSON: {str(cause).splitlines()[0]}.",
            hint="Mend the line it names.",
        ) from cause


def _dates_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _dates_as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(item) for item in value]
    return value.isoformat() if isinstance(value, date | datetime) else value
