"""Schemas of pandera, as YAML (``schema.to_yaml()``) and JSON (``schema.to_json()``)."""

from __future__ import annotations

from typing import Any

from millwright.data.quality.exchange import ImportedSuite
from millwright.data.quality.imports.translation import Translation

_BOUNDS = {
    "greater_than": ("minimum", True),
    "greater_than_or_equal_to": ("minimum", False),
    "less_than": ("maximum", True),
    "less_than_or_equal_to": ("maximum", False),
}


def recognises(loaded: dict[str, Any]) -> bool:
    """Whether a file is a schema of pandera."""
    return loaded.get("schema_type") in ("dataframe", "series") or (
        isinstance(loaded.get("columns"), dict) and "coerce" in loaded
    )


def translate(loaded: dict[str, Any]) -> ImportedSuite:
    """Its columns and checks as checks."""
    found = Translation(f"pandera {loaded.get('version', '')}".strip())
    columns = loaded.get("columns") or {}
    for name, column in columns.items():
        _column(found, str(name), column or {})
    if loaded.get("strict") is True:
        kind = "columns_ordered" if loaded.get("ordered") else "columns_set"
        found.check("strict", kind, names=[str(name) for name in columns])
    for unique in _lists(loaded.get("unique")):
        found.check("unique", "columns_unique", columns=unique)
    for name, options in _checks(loaded.get("checks")):
        found.lacks(f"checks: {name}", f"It is a check of the whole frame ({options}).")
    if loaded.get("index"):
        found.lacks("index", "Tables here have no index; make it a column.")
    return found.done()


def _lists(unique: Any) -> list[list[str]]:
    if not unique:
        return []
    return [list(unique)] if isinstance(unique, list) else [[str(unique)]]


def _column(found: Translation, name: str, column: dict[str, Any]) -> None:
    if column.get("regex"):
        found.lacks(name, "It names columns by a pattern.")
        return
    if column.get("required", True):
        found.check(name, "column_exists", column=name)
    if column.get("dtype"):
        found.check(f"{name}: dtype", "has_type", column=name, types=[str(column["dtype"])])
    if not column.get("nullable", False):
        found.check(f"{name}: nullable", "not_null", column=name)
    if column.get("unique"):
        found.check(f"{name}: unique", "unique", column=name)
    for check, options in _checks(column.get("checks")):
        _check(found, name, check, options)


def _checks(checks: Any) -> list[tuple[str, Any]]:
    if isinstance(checks, dict):
        return [(str(name), options) for name, options in checks.items()]
    pairs: list[tuple[str, Any]] = []
    for check in checks or ():
        if isinstance(check, dict) and "options" in check:
            options = dict(check["options"])
            name = str(options.pop("check_name", check.get("name", "")))
            given = {key: value for key, value in check.items() if key not in ("options", "name")}
            pairs.append((name, {**given, "options": options}))
    return pairs


def _check(found: Translation, column: str, name: str, options: Any) -> None:
    where = f"{column}: {name}"
    given = dict(options) if isinstance(options, dict) else {"value": options}
    settings = given.pop("options", {}) or {}
    extra: dict[str, Any] = {"column": column}
    if settings.get("raise_warning"):
        extra["severity"] = "warn"
    value = given.get("value")
    if isinstance(options, list):
        value = options
    if name in _BOUNDS:
        bound, strict = _BOUNDS[name]
        found.check(where, "between", **extra, **{bound: value, f"strict_{bound}": strict})
    elif name in ("in_range", "between"):
        found.check(
            where,
            "between",
            **extra,
            minimum=given.get("min_value"),
            maximum=given.get("max_value"),
            strict_minimum=not given.get("include_min", True),
            strict_maximum=not given.get("include_max", True),
        )
    elif name in ("isin", "notin"):
        values = given.get("allowed_values", given.get("forbidden_values", value))
        found.check(where, "in_set" if name == "isin" else "not_in_set", **extra, values=values)
    elif name in ("equal_to", "not_equal_to"):
        kind = "in_set" if name == "equal_to" else "not_in_set"
        found.check(where, kind, **extra, values=[value])
    elif name == "str_length":
        low, high = given.get("min_value"), given.get("max_value")
        exact = given.get("exact_value")
        found.check(
            where,
            "length_between",
            **extra,
            minimum=low if exact is None else exact,
            maximum=high if exact is None else exact,
        )
    elif (pattern := _pattern(name, given, value)) is not None:
        found.check(where, "matches", **extra, patterns=[pattern])
    elif name == "unique_values_eq":
        found.check(where, "distinct_equal", **extra, values=given.get("values", value))
    else:
        found.lacks(where, f"There is no check like '{name}'.")


def _pattern(name: str, given: dict[str, Any], value: Any) -> str | None:
    import re

    text = str(given.get("pattern", given.get("string", value)))
    return {
        # pandas' match is anchored at the start, contains is not.
        "str_matches": f"^(?:{text})",
        "str_contains": text,
        "str_startswith": f"^{re.escape(text)}",
        "str_endswith": f"{re.escape(text)}$",
    }.get(name)
