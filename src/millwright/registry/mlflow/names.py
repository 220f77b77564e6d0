"""What names the MLflow protocol takes, and what it says of those it does not take."""

from __future__ import annotations

import json
import posixpath
import re

from millwright.tracking import MlflowError, invalid, missing

STAGES = ("None", "Staging", "Production", "Archived")
ACTIVE_STAGES = ("Staging", "Production")
MAX_TAG_KEY = 250
MAX_TAG_VALUE = 100_000
MAX_ALIAS = 255
MAX_NAME = 256
_KEY = re.compile(r"^[/\w.\- :]*$")
_ALIAS = re.compile(r"^[\w\-]*$")
_VERSION_ALIAS = re.compile(r"^[vV]\d+$")
_MOST_VERSIONS = 2**31 - 1


def required(value: str | None, parameter: str) -> str:
    """The value of a parameter that must be there; raises where it is absent or empty."""
    if value is None or value == "":
        raise missing(parameter)
    return value


def model_name(name: str) -> str:
    """A name a registered model may have.

    Raises:
        MlflowError: it is empty, holds ``/``, ``:`` or what looks like a path, or is too long.
    """
    if not name.strip():
        raise invalid("Missing value for required parameter 'name'.")
    if "/" in name or ":" in name:
        raise invalid(f"Invalid model name '{name[:200]}'. Names cannot contain '/' or ':'.")
    if _is_path(name):
        raise _not_unique("name", name)
    if len(name) > MAX_NAME:
        raise too_long("name", MAX_NAME)
    if "\x00" in name:
        raise invalid("Invalid model name. Names cannot contain the character NUL.")
    return name


def new_name(name: str | None) -> str:
    """The name to give a model that is renamed."""
    if name is None or not name.strip():
        raise invalid("Missing value for required parameter 'new_name'.")
    return model_name(name)


def version_number(version: str) -> int:
    """A version number sent as text."""
    try:
        number = int(version)
    except ValueError:
        raise invalid(f"Parameter 'version' must be an integer, got '{version[:100]}'.") from None
    # What no column can hold names no version.
    return number if 0 <= number <= _MOST_VERSIONS else 0


def tag_key(key: str) -> str:
    """A key a tag may have."""
    if not _KEY.match(key):
        raise invalid(
            f"Invalid value {_quoted(key)} for parameter 'key' supplied: Names may only contain "
            "alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
            "slashes (/)."
        )
    if _is_path(key):
        raise _not_unique("key", key)
    if len(key) > MAX_TAG_KEY:
        raise too_long("key", MAX_TAG_KEY)
    return key


def tag_value(value: str | None) -> str:
    """A value a tag may have."""
    text = value or ""
    if len(text) > MAX_TAG_VALUE:
        raise too_long("value", MAX_TAG_VALUE)
    if "\x00" in text:
        raise invalid("Invalid tag value: it contains the character NUL.")
    return text


def alias_name(alias: str) -> str:
    """A name an alias may be looked up by."""
    if not alias:
        raise invalid("Registered model alias name cannot be empty.")
    if not _ALIAS.match(alias) or alias.endswith("\n"):
        raise invalid(
            f"Invalid alias name: '{alias[:200]}'. Names may only contain alphanumerics, "
            "underscores (_), and dashes (-)."
        )
    if len(alias) > MAX_ALIAS:
        raise too_long("Registered model alias name", MAX_ALIAS)
    return alias


def free_alias(alias: str) -> str:
    """A name an alias may be given: not ``latest``, not ``v1``."""
    alias_name(alias)
    if alias.lower() == "latest":
        raise invalid("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.match(alias):
        raise invalid(f"Version alias name '{alias}' is reserved.")
    return alias


def stage_name(stage: str) -> str:
    """A stage in its canonical spelling."""
    for known in STAGES:
        if known.lower() == stage.lower():
            return known
    raise invalid(
        f"Invalid Model Version stage: {stage[:100]}. Value must be one of {', '.join(STAGES)}."
    )


def too_long(what: str, limit: int) -> MlflowError:
    """The error for text longer than its limit."""
    return invalid(f"'{what}' exceeds the maximum length of {limit} characters")


def _is_path(name: str) -> bool:
    norm = posixpath.normpath(name)
    return norm != name or norm == "." or norm.startswith(("..", "/"))


def _not_unique(parameter: str, name: str) -> MlflowError:
    return invalid(
        f"Invalid value {_quoted(name)} for parameter '{parameter}' supplied: Names may be "
        "treated as files in certain cases, and must not resolve to other names when treated as "
        f"such. This name would resolve to {posixpath.normpath(name)!r}"
    )


def _quoted(text: str) -> str:
    return json.dumps(text[:200], ensure_ascii=False)
