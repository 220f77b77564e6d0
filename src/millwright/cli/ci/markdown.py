"""A version's evaluation as Markdown for a merge request: beside the champion, with its gates."""

from __future__ import annotations

from millwright.cli.ci.drawing import Points, curve
from millwright.evaluation import Evaluation
from millwright.kernel.record import Record

_MOST_SLICES = 5


class Measured(Record):
    """A model version and how it was measured."""

    model: str
    version: int
    evaluation: Evaluation


def report(measured: Measured, other: Measured | None, *, link: str | None = None) -> str:
    """The report as GitHub-flavoured Markdown, which GitLab reads too.

    Args:
        measured: what is reported.
        other: the version it stands beside; none where it is the first.
        link: where the version is seen in the UI.
    """
    found = measured.evaluation
    name = f"{measured.model} version {measured.version}"
    title = f"[{name}]({link})" if link else name
    verdict = "passed its gates" if found.passed else "failed its gates"
    parts = [
        f"## {'✅' if found.passed else '❌'} {title} {verdict}",
        f"Measured on {found.rows:,} rows that it never saw.",
    ]
    if found.comparison is not None:
        parts.append(_compared(found))
    parts += ["### Metrics", _metrics(measured, other)]
    if found.gates:
        parts += ["### Gates", _gates(found)]
    if found.slices:
        parts += ["### Where it is worst", _slices(found)]
    chart = _chart(found)
    if chart:
        parts += ["### How well its probabilities hold", chart]
    return "\n\n".join(parts) + "\n"


def plots(measured: Measured, other: Measured | None) -> dict[str, str]:
    """SVG files by name: what applies to the task."""
    made: dict[str, str] = {}
    for name, title, axes, points_of in (
        ("roc.svg", "ROC curve", ("false positive rate", "true positive rate"), _roc),
        ("calibration.svg", "Calibration", ("stated probability", "observed share"), _calibration),
    ):
        lines = [
            (f"version {one.version}", points_of(one.evaluation))
            for one in (measured, other)
            if one is not None and points_of(one.evaluation)
        ]
        if lines:
            made[name] = curve(title, axes, lines)
    return made


def _compared(found: Evaluation) -> str:
    comparison = found.comparison
    assert comparison is not None
    better = "better" if comparison.difference >= 0 else "worse"
    return (
        f"On the same {comparison.rows:,} rows as the champion, {comparison.metric} is "
        f"**{abs(comparison.difference):.4f} {better}** ({comparison.challenger:.4f} against "
        f"{comparison.champion:.4f}; 95 % interval {comparison.low:+.4f} to {comparison.high:+.4f}). "
        f"It is better with a probability of {comparison.probability_better:.0%}."
    )


def _metrics(measured: Measured, other: Measured | None) -> str:
    before = {} if other is None else other.evaluation.metrics
    beside = "" if other is None else f" version {other.version} | change |"
    lines = [
        f"| metric | version {measured.version} | 95 % interval |{beside}",
        f"|---|---:|---:|{'---:|---:|' if other is not None else ''}",
    ]
    for name, interval in measured.evaluation.metrics.items():
        line = f"| {name} | {interval.value:.4f} | {interval.low:.4f} to {interval.high:.4f} |"
        if other is not None:
            old = before.get(name)
            line += (
                " – | – |"
                if old is None
                else f" {old.value:.4f} | {interval.value - old.value:+.4f} |"
            )
        lines.append(line)
    return "\n".join(lines)


def _gates(found: Evaluation) -> str:
    lines = ["| gate | value | asked | |", "|---|---:|---|---|"]
    for gate in found.gates:
        value = "–" if gate.value is None else f"{gate.value:.4f}"
        asked = " and ".join(
            f"{word} {bound:g}"
            for word, bound in (("at least", gate.min), ("at most", gate.max))
            if bound is not None
        )
        mark = "✅" if gate.passed else f"❌ {_cell(gate.reason)}"
        lines.append(f"| {_cell(gate.metric)} | {value} | {asked} | {mark} |")
    return "\n".join(lines)


def _slices(found: Evaluation) -> str:
    lines = [f"| rows where | rows | {found.metric} |", "|---|---:|---:|"]
    worst = sorted(
        (one for one in found.slices if one.supported and found.metric in one.metrics),
        key=lambda one: one.metrics[found.metric] * (1 if found.higher_is_better else -1),
    )
    lines += [
        f"| {_cell(f'{one.column} is {one.name}')} | {one.rows:,} | {one.metrics[found.metric]:.4f} |"
        for one in worst[:_MOST_SLICES]
    ]
    return "\n".join(lines)


def _chart(found: Evaluation) -> str:
    """Calibration in Mermaid, which both GitHub and GitLab draw; files beside it are SVG."""
    points = _calibration(found)
    if len(points) < 2:
        return ""
    stated = ", ".join(f'"{x:.2f}"' for x, _ in points)
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta",
            '  title "Observed share by stated probability"',
            f"  x-axis [{stated}]",
            "  y-axis 0 --> 1",
            f"  bar [{', '.join(f'{y:.3f}' for _, y in points)}]",
            f"  line [{', '.join(f'{x:.3f}' for x, _ in points)}]",
            "```",
        ]
    )


def _roc(found: Evaluation) -> Points:
    return found.curves.roc


def _calibration(found: Evaluation) -> Points:
    return [(one.predicted, one.observed) for one in found.curves.calibration]


def _cell(text: str) -> str:
    """Text that stays within its cell and is nothing but text."""
    plain = " ".join(text.split()).replace("\\", "\\\\")
    for mark in "|`<>[]*_":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
