"""Two runs side by side: what differs in what went in, and in what came out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from millwright.tracking.records import Artifact, MetricPoint, Run, RunEnvironment
from millwright.tracking.reproducing.records import CAUSES, Aspect, Difference, Reproduction

_OWN = ("code/", "system/")
"""What a run keeps of its code and its machine is no result."""


def compared(
    before: Run,
    after: Run,
    *,
    metrics: Mapping[str, tuple[Sequence[MetricPoint], Sequence[MetricPoint]]],
    artifacts: tuple[Sequence[Artifact], Sequence[Artifact]],
    causes: Sequence[Difference],
    tolerance: float = 0.0,
) -> Reproduction:
    """Compare a run with the one that repeated it.

    Args:
        before, after: the runs.
        metrics: the points of each metric, by key, of both.
        artifacts: of both.
        causes: what is known to differ in what went in.
        tolerance: how far apart values may be, relative to the larger, and still be the same.
    """
    found = list(causes)
    same = {"parameter": 0, "metric": 0, "artifact": 0}
    _note(found, same, "parameter", _texts(before.params), _texts(after.params))
    for key, (first, second) in metrics.items():
        if key.startswith(_OWN):
            continue
        if _same_points(first, second, tolerance):
            same["metric"] += 1
        else:
            found.append(
                Difference(aspect="metric", name=key, before=_shown(first), after=_shown(second))
            )
    digests = [
        {one.name: one.digest for one in listed if not one.name.startswith(_OWN)}
        for listed in artifacts
    ]
    _note(found, same, "artifact", *digests)
    if before.status != after.status:
        found.append(
            Difference(aspect="status", name="end", before=before.status, after=after.status)
        )
    return Reproduction(
        run=before.id,
        again=after.id,
        same=same,
        differences=tuple(found),
        reasons=reasons(before, found),
    )


def surroundings(
    before: Run, now: RunEnvironment, packages_before: str | None, packages_now: str
) -> list[Difference]:
    """What differs between where a run was made and here."""
    found: list[Difference] = []
    was = before.environment
    if was is None:
        return found
    for aspect, name, first, second in (
        ("environment", "python", was.python, now.python),
        ("environment", "system", was.platform, now.platform),
        ("machine", "processor", was.processor, now.processor),
        ("machine", "cpus", str(was.cpus), str(now.cpus)),
        ("machine", "gpus", ", ".join(was.gpus), ", ".join(now.gpus)),
    ):
        if first != second and first:
            found.append(Difference(aspect=aspect, name=name, before=first, after=second))
    if packages_before is not None:
        _note(found, {}, "environment", _pins(packages_before), _pins(packages_now))
    return found


def reasons(before: Run, differences: Sequence[Difference]) -> tuple[str, ...]:
    """Why results may differ, the likeliest first."""
    if all(one.aspect in CAUSES for one in differences):
        return ()
    by_aspect: dict[Aspect, list[Difference]] = {}
    for one in differences:
        by_aspect.setdefault(one.aspect, []).append(one)
    found = []
    if "code" in by_aspect:
        found.append("The code is not the same: " + _listed(by_aspect["code"]))
    if "data" in by_aspect:
        found.append("The data is not the same: " + _listed(by_aspect["data"]))
    if before.seed is None and not (before.environment and before.environment.seeds):
        found.append("No seed was recorded; give one with start_run(seed=…), and use it.")
    if "environment" in by_aspect:
        found.append("The environment is not the same: " + _listed(by_aspect["environment"]))
    if "machine" in by_aspect:
        found.append("The machine is not the same: " + _listed(by_aspect["machine"]))
    if not found:
        found.append(
            "Everything that was recorded is the same. What is left: time, threads, the network, "
            "or chance that nobody seeded."
        )
    return tuple(found)


def _note(
    found: list[Difference],
    same: dict[str, int],
    aspect: Aspect,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    for name in sorted({*before, *after}):
        first, second = before.get(name), after.get(name)
        if first == second:
            same[aspect] = same.get(aspect, 0) + 1
        else:
            found.append(Difference(aspect=aspect, name=name, before=first, after=second))


def _same_points(
    before: Sequence[MetricPoint], after: Sequence[MetricPoint], tolerance: float
) -> bool:
    """The same steps with the same values; when they were logged does not matter."""
    if len(before) != len(after):
        return False
    return all(
        one.step == other.step and _close(one.value, other.value, tolerance)
        for one, other in zip(before, after, strict=True)
    )


def _close(one: float, other: float, tolerance: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=tolerance)


def _shown(points: Sequence[MetricPoint]) -> str | None:
    if not points:
        return None
    last = repr(points[-1].value)
    return last if len(points) == 1 else f"{last} after {len(points)} points"


def _texts(params: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value) for key, value in params.items()}


def _pins(text: str) -> dict[str, str]:
    pairs = (line.partition("==") for line in text.splitlines() if "==" in line)
    return {name: version for name, _, version in pairs}


def _listed(differences: Sequence[Difference]) -> str:
    shown = [
        f"{one.name} {one.before or 'absent'} → {one.after or 'absent'}" for one in differences[:5]
    ]
    more = len(differences) - len(shown)
    return ", ".join(shown) + (f" and {more} more." if more else ".")
