"""Open Data Contract Standard, version 3 (Bitol): ``schema``, its properties and quality rules."""

from __future__ import annotations

from typing import Any

from millwright.data.quality.exchange import ImportedSuite
from millwright.data.quality.imports.translation import Translation

_TYPES = {
    "string": "string",
    "number": "double",
    "integer": "int64",
    "boolean": "bool",
    "date": "timestamp",
    "timestamp": "timestamp",
}
_SEVERITIES = {"error": "block", "critical": "block", "warning": "warn", "info": "info"}
_OPERATORS = (
    ("mustBe", "minimum", "maximum", False),
    ("mustBeGreaterThan", "minimum", None, True),
    ("mustBeGreaterOrEqualTo", "minimum", None, False),
    ("mustBeLessThan", None, "maximum", True),
    ("mustBeLessOrEqualTo", None, "maximum", False),
)


def recognises(loaded: dict[str, Any]) -> bool:
    """Whether a file is a data contract."""
    return loaded.get("kind") == "DataContract" and isinstance(loaded.get("schema"), list)


def translate(loaded: dict[str, Any]) -> ImportedSuite:
    """The schema and the quality rules of its (first) table as checks."""
    found = Translation(f"Open Data Contract Standard {loaded.get('apiVersion', '')}".strip())
    schemas = [item for item in loaded["schema"] if isinstance(item, dict)]
    for extra in schemas[1:]:
        found.lacks(str(extra.get("name")), "It is another table; import it for its own dataset.")
    if not schemas:
        return found.done()
    table = schemas[0]
    for rule in table.get("quality") or ():
        _rule(found, None, rule)
    keys = []
    for column in table.get("properties") or ():
        name = str(column.get("name"))
        _column(found, name, column)
        if column.get("primaryKey"):
            keys.append(name)
    if len(keys) == 1:
        found.check("primaryKey", "unique", column=keys[0], id=f"{keys[0]}:primary_key")
    elif keys:
        found.check("primaryKey", "columns_unique", columns=keys)
    _freshness(found, loaded.get("slaProperties"))
    return found.done()


def _column(found: Translation, name: str, column: dict[str, Any]) -> None:
    logical = str(column.get("logicalType", ""))
    if logical in _TYPES:
        types = [_TYPES[logical]] + ["int64"] * (logical == "number")
        found.check(f"{name}: logicalType", "has_type", column=name, types=types)
    elif logical:
        found.lacks(f"{name}: logicalType", f"A column is not of type '{logical}' here.")
    if column.get("required") or column.get("primaryKey"):
        found.check(f"{name}: required", "not_null", column=name)
    if column.get("unique") and not column.get("primaryKey"):
        found.check(f"{name}: unique", "unique", column=name)
    options = column.get("logicalTypeOptions") or {}
    _options(found, name, options)
    for rule in column.get("quality") or ():
        _rule(found, name, rule)


def _options(found: Translation, name: str, options: dict[str, Any]) -> None:
    where = f"{name}: logicalTypeOptions"
    low = options.get("minimum", options.get("exclusiveMinimum"))
    high = options.get("maximum", options.get("exclusiveMaximum"))
    if low is not None or high is not None:
        found.check(
            where,
            "between",
            column=name,
            minimum=low,
            maximum=high,
            strict_minimum="exclusiveMinimum" in options,
            strict_maximum="exclusiveMaximum" in options,
        )
    if "minLength" in options or "maxLength" in options:
        found.check(
            where,
            "length_between",
            column=name,
            minimum=options.get("minLength"),
            maximum=options.get("maxLength"),
        )
    if "pattern" in options:
        found.check(where, "matches", column=name, patterns=[options["pattern"]])
    known = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength"}
    for option in sorted(set(options) - known - {"maxLength", "pattern"}):
        found.lacks(where, f"There is no check like '{option}'.")


def _rule(found: Translation, column: str | None, rule: dict[str, Any]) -> None:
    name = str(rule.get("metric") or rule.get("rule") or rule.get("type") or "rule")
    where = f"{column or 'table'}: {name}"
    if rule.get("type", "library") not in ("library", "sql") or "query" in rule:
        found.lacks(where, f"It is a rule of type '{rule.get('type')}', which only its tool runs.")
        return
    bounds = _bounds(rule)
    extra: dict[str, Any] = {}
    if rule.get("severity") in _SEVERITIES:
        extra["severity"] = _SEVERITIES[rule["severity"]]
    arguments = rule.get("arguments") or {}
    if name in ("rowCount", "row_count"):
        found.check(where, "row_count_between", **extra, **bounds)
    elif name in ("nullValues", "nullCheck", "null_values"):
        _share(found, where, "not_null", {"column": column}, rule, bounds, extra)
    elif name in ("duplicateValues", "duplicateCount") and column is not None:
        _share(found, where, "unique", {"column": column}, rule, bounds, extra)
    elif name in ("duplicateValues", "duplicateCount") and arguments.get("properties"):
        columns = {"columns": arguments["properties"]}
        _share(found, where, "columns_unique", columns, rule, bounds, extra)
    elif name in ("invalidValues", "validValues"):
        _valid(found, where, column, rule, arguments, extra)
    else:
        found.lacks(where, f"There is no check like '{name}'.")


def _bounds(rule: dict[str, Any]) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for name, low, high, strict in _OPERATORS:
        if name in rule:
            for side in (low, high):
                if side is not None:
                    bounds[side] = rule[name]
                    if strict:
                        bounds[f"strict_{side}"] = True
    if "mustBeBetween" in rule:
        bounds["minimum"], bounds["maximum"] = rule["mustBeBetween"]
    return bounds


def _share(
    found: Translation,
    where: str,
    kind: str,
    columns: dict[str, Any],
    rule: dict[str, Any],
    bounds: dict[str, Any],
    extra: dict[str, Any],
) -> None:
    """A rule that counts bad rows: none, or up to a percentage."""
    percent = str(rule.get("unit", "rows")).startswith("percent")
    most = bounds.get("maximum", None if bounds else 0)
    if not isinstance(most, int | float) or bounds.get("minimum", 0) not in (0, most):
        found.lacks(where, "It asks for bad rows; ours allow some, and never ask for them.")
        return
    if not percent and bounds.get("strict_maximum"):
        # Rows are whole: less than one of them is none.
        most -= 1
    if most and not percent:
        found.lacks(where, f"It allows {most} rows; ours allow a share (mostly).")
        return
    found.check(where, kind, mostly=1 - float(most or 0) / 100, **columns, **extra)


def _valid(
    found: Translation,
    where: str,
    column: str | None,
    rule: dict[str, Any],
    arguments: dict[str, Any],
    extra: dict[str, Any],
) -> None:
    values = arguments.get("validValues") or rule.get("validValues")
    pattern = arguments.get("pattern")
    if values:
        found.check(where, "in_set", column=column, values=values, **extra)
    elif pattern:
        found.check(where, "matches", column=column, patterns=[pattern], **extra)
    else:
        found.lacks(where, "It does not say which values are valid.")


def _freshness(found: Translation, properties: Any) -> None:
    units = {"d": "d", "day": "d", "days": "d", "h": "h", "hour": "h", "hours": "h", "m": "m"}
    for promise in properties or ():
        name = str(promise.get("property", ""))
        where = f"slaProperties: {name}"
        element = str(promise.get("element", "")).rpartition(".")[2]
        unit = units.get(str(promise.get("unit", "d")))
        if name in ("latency", "freshness") and element and unit:
            within = f"{promise.get('value')}{unit}"
            found.check(where, "fresh", column=element, within=within)
        else:
            found.lacks(where, "It is a promise of operation, not of the data.")
