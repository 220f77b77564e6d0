"""Two versions side by side: what differs in metrics, inputs, environment and files. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from millwright.kernel.record import Record
from millwright.registry.records import ModelVersion, Number

_PIN = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*==\s*([^\s;]+)")


class MetricChange(Record):
    """One metric of both versions; None where a version has none."""

    name: str
    left: Number | None
    right: Number | None
    change: Number | None


class TextChange(Record):
    """Something that both, or only one of them, says in words; None where it says nothing."""

    name: str
    left: str | None
    right: str | None


class Comparison(Record):
    """What differs between two versions; metrics are listed whether or not they differ."""

    left: ModelVersion
    right: ModelVersion
    metrics: tuple[MetricChange, ...]
    facts: tuple[TextChange, ...]
    signature: tuple[TextChange, ...]
    environment: tuple[TextChange, ...]
    files: tuple[TextChange, ...]


def compare_versions(
    left: ModelVersion,
    right: ModelVersion,
    environments: tuple[str, str] = ("", ""),
    called: Mapping[str, str] | None = None,
) -> Comparison:
    """The comparison of two versions, given the pinned requirements of each as text.

    ``called``: what people call the runs and dataset versions they came of, by id.
    """
    names_of = called or {}
    names = sorted({*left.metrics, *right.metrics})
    return Comparison(
        left=left,
        right=right,
        metrics=tuple(_metric(n, left.metrics.get(n), right.metrics.get(n)) for n in names),
        facts=_changes(_facts(left, names_of), _facts(right, names_of)),
        signature=_changes(_signature(left), _signature(right)),
        environment=_changes(pins(environments[0]), pins(environments[1])),
        files=_changes(left.digests, right.digests),
    )


def pins(text: str) -> dict[str, str]:
    """Pinned packages by name.

    >>> pins("numpy==2.1.0\\n# a comment\\nPandas == 2.2")
    {'numpy': '2.1.0', 'pandas': '2.2'}
    """
    found = (_PIN.match(line) for line in text.splitlines())
    return {match[1].lower(): match[2] for match in found if match is not None}


def _metric(name: str, left: float | None, right: float | None) -> MetricChange:
    change = None if left is None or right is None else right - left
    return MetricChange(name=name, left=left, right=right, change=change)


def _facts(version: ModelVersion, called: Mapping[str, str]) -> dict[str, str]:
    run, dataset = version.run or "", version.dataset or ""
    known = {
        "status": version.status,
        "stage": version.stage,
        "task": version.task,
        "family": version.family,
        "threshold": f"{version.threshold:g}",
        "classes": ", ".join(version.classes),
        "run": called.get(run, run),
        "dataset": called.get(dataset, dataset),
        "source": version.source,
        **{f"tag {key}": value for key, value in version.tags.items()},
    }
    return {name: str(value) for name, value in known.items() if value}


def _signature(version: ModelVersion) -> dict[str, str]:
    return {
        field.name: f"{field.kind}{'' if field.nullable else ', required'}"
        for field in version.signature
    }


def _changes(left: dict[str, str], right: dict[str, str]) -> tuple[TextChange, ...]:
    return tuple(
        TextChange(name=name, left=left.get(name), right=right.get(name))
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    )
