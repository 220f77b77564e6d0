"""Judgements of text that only Python's own readers can make."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from millwright.kernel.errors import InvalidInput, Unavailable


def is_json(text: str) -> bool:
    """Whether a text is JSON, as ``json.loads`` reads it."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def follows(schema: dict[str, Any]) -> Callable[[str], bool]:
    """Whether a text is JSON that follows a schema; ``jsonschema`` decides, where installed.

    References of a schema to other places are not followed.
    """
    try:
        import jsonschema
        import referencing
    except ImportError as cause:
        raise _lacking("jsonschema") from cause
    kind = jsonschema.validators.validator_for(schema)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as cause:
        raise InvalidInput(
            "data.json_schema",
            f"The JSON Schema cannot be used: {cause.message}.",
            hint="Mend it; it follows the draft that its $schema names.",
        ) from cause
    validator = kind(schema, registry=referencing.Registry())

    def holds(text: str) -> bool:
        try:
            return bool(validator.is_valid(json.loads(text)))
        except (ValueError, RecursionError):
            return False

    return holds


def date_reader() -> Callable[[str], bool]:
    """Whether a text can be read as a date by ``dateutil``, where installed."""
    try:
        from dateutil.parser import parse
    except ImportError as cause:
        raise _lacking("python-dateutil") from cause

    def holds(text: str) -> bool:
        try:
            parse(text)
        except (ValueError, OverflowError):
            return False
        return True

    return holds


def format_reader(form: str) -> Callable[[str], bool]:
    """Whether a text follows a format of ``strptime``."""
    try:
        datetime.strptime(datetime(2026, 1, 31).strftime(form), form)  # noqa: DTZ001, DTZ007
    except ValueError as cause:
        raise InvalidInput(
            "data.time_format",
            f"'{form}' is no format that strptime can read: {cause}.",
            hint="Write it like %Y-%m-%d.",
            value=form,
        ) from cause

    def holds(text: str) -> bool:
        try:
            datetime.strptime(text, form)  # noqa: DTZ007
        except ValueError:
            return False
        return True

    return holds


def _lacking(package: str) -> Unavailable:
    return Unavailable(
        "data.no_library",
        f"This check needs {package}, which is not installed.",
        hint="Install it with: pip install 'millwright[quality]'",
    )
