"""What may be logged, and the sentence for what may not: MLflow's rules, in its words. Pure."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from functools import lru_cache

from millwright.tracking.mlflow.errors import MlflowError, invalid
from millwright.tracking.mlflow.wire import MetricSent

MAX_KEY = 250
MAX_PARAM_VALUE = 6_000
MAX_TAG_VALUE = 8_000
MAX_EXPERIMENT_NAME = 500
MAX_EXPERIMENT_TAG_VALUE = 20_000
MAX_METRICS = 1_000
MAX_PARAMS_AND_TAGS = 100
MAX_BATCH_BYTES = 1_000_000
INT64 = 1 << 63
_NAME = re.compile(r"^[/\w.\- :]*$")
_RUN_ID = re.compile(r"^[a-zA-Z0-9][\w\-]{0,255}$")
_BAD_CHARACTERS = (
    "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), "
    "colon(:) and slashes (/)."
)


def checked_name(name: str, path: str = "name") -> str:
    """The name of a metric, parameter or tag.

    Raises:
        MlflowError: it has other characters than MLflow allows, or would climb as a file name.

    >>> checked_name("val/loss")
    'val/loss'
    """
    if _is_plain(name):
        return name
    if not _NAME.match(name) or "\x00" in name or name.endswith("\n"):
        raise invalid(_invalid_value(path, name, _BAD_CHARACTERS))
    plain = posixpath.normpath(name)
    if plain != name or plain == "." or plain.startswith(("..", "/")):
        reason = (
            "Names may be treated as files in certain cases, and must not resolve to other names"
            f" when treated as such. This name would resolve to {plain!r}"
        )
        raise invalid(_invalid_value(path, name, reason))
    return name


def checked_metric(key: str, value: float, timestamp: int, step: int, path: str = "") -> None:
    """A metric's key and numbers; raises ``MlflowError``."""
    checked_name(key, _joined(path, "name"))
    if not 0 <= timestamp < INT64:
        reason = f"metric '{key}' (value={value}). Timestamp must be a nonnegative long (64-bit integer) "
        raise invalid(_invalid_value(_joined(path, "timestamp"), timestamp, reason))
    if not -INT64 <= step < INT64:
        reason = f"metric '{key}' (value={value}). Step must be a valid long (64-bit integer)."
        raise invalid(_invalid_value(_joined(path, "step"), step, reason))
    at_most("Metric name", MAX_KEY, key)


def checked_metrics(sent: Sequence[MetricSent]) -> None:
    """As ``checked_metric`` for the points of a batch; raises ``MlflowError`` for the first bad one."""
    keys = {metric.key for metric in sent}
    if all(_is_plain(key) for key in keys) and all(metric.timestamp >= 0 for metric in sent):
        return
    for at, metric in enumerate(sent):
        checked_metric(metric.key, metric.value, metric.timestamp, metric.step, f"metrics[{at}]")


def checked_param(key: str, value: str, path: str = "") -> str:
    """A parameter's value, cut to MLflow's limit as its server does; raises ``MlflowError``."""
    checked_name(key, _joined(path, "key"))
    at_most("Param key", MAX_KEY, key)
    return without_nul(value)[:MAX_PARAM_VALUE]


def checked_tag(key: str, value: str, path: str = "") -> str:
    """A tag's value, cut to MLflow's limit as its server does; raises ``MlflowError``."""
    checked_name(key, _joined(path, "key"))
    at_most(_joined(path, "key"), MAX_KEY, key)
    return without_nul(value)[:MAX_TAG_VALUE]


def checked_experiment_tag(key: str, value: str) -> str:
    """An experiment tag's value; raises ``MlflowError``."""
    checked_name(key, "key")
    at_most("key", MAX_KEY, key)
    at_most("value", MAX_EXPERIMENT_TAG_VALUE, value)
    return without_nul(value)


def checked_experiment_name(name: str) -> str:
    """The name of an experiment; raises ``MlflowError``."""
    if not name:
        raise invalid(f"Invalid experiment name: '{name}'")
    at_most("name", MAX_EXPERIMENT_NAME, name)
    return without_nul(name)


def checked_run_id(run: str) -> str:
    """Text that has the form of a run's id; raises ``MlflowError``."""
    if not _RUN_ID.match(run):
        raise invalid(f"Invalid value {json.dumps(run[:300])} for parameter 'run_id' supplied.")
    return run


def checked_batch(metrics: int, params: Sequence[str], tags: int) -> None:
    """How much one batch may hold, and that no parameter is in it twice; raises ``MlflowError``."""
    _batch_limit("metrics", MAX_METRICS, metrics)
    _batch_limit("params", MAX_PARAMS_AND_TAGS, len(params))
    _batch_limit("tags", MAX_PARAMS_AND_TAGS, tags)
    _batch_limit("metrics, params, and tags", MAX_METRICS, metrics + len(params) + tags)
    seen: set[str] = set()
    twice = [key for key in params if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
    if twice:
        raise invalid(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure "
            "the request contains only one param value per param key."
        )


def at_most(what: str, limit: int, value: str) -> None:
    """Refuse longer text; raises ``MlflowError``."""
    if len(value) > limit:
        raise invalid(f"'{what}' exceeds the maximum length of {limit} characters")


def without_nul(text: str) -> str:
    """The text, if no database would stumble over it; raises ``MlflowError``."""
    if "\x00" in text:
        raise invalid("Text may not contain the character NUL.")
    try:
        text.encode()
    except UnicodeEncodeError as cause:
        raise MlflowError("INVALID_PARAMETER_VALUE", "Text must be valid Unicode.") from cause
    return text


@lru_cache(maxsize=10_000)
def _is_plain(name: str) -> bool:
    """Whether nothing is wrong with a name; the same few are logged again and again."""
    return (
        len(name) <= MAX_KEY
        and _NAME.match(name) is not None
        and not name.endswith("\n")
        and posixpath.normpath(name) == name
        and name != "."
        and not name.startswith(("..", "/"))
    )


def _batch_limit(what: str, limit: int, count: int) -> None:
    if count > limit:
        raise invalid(
            f"A batch logging request can contain at most {limit} {what}. Got {count} {what}. "
            f"Please split up {what} across multiple requests and try again."
        )


def _invalid_value(path: str, value: object, reason: str) -> str:
    shown = json.dumps(value, sort_keys=True, separators=(",", ":"))[:500]
    return f"Invalid value {shown} for parameter '{path}' supplied: {reason}"


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
