"""A replay as one HTML page that needs nothing else: no script, no style sheet, no font."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from millwright.automation.backtest.records import Backtest, PolicyCurve

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 900, 260, 56, 22
_COLOURS = ("#8b95a3", "#b8860b", "#7a5cc9", "#c2557a", "#3f8f6b", "#2e6fd8", "#d1622b")
_MOST_POINTS = 180
_Scale = Callable[[float], float]
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;
color:#1b1f24;background:#fff}h1{font-size:1.5rem}h2{font-size:1.05rem;margin:2rem 0 .4rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #dde1e6}td.n,th.n{text-align:right}
.soft{color:#57606a}svg text{fill:#57606a;font-size:11px}.grid{stroke:#dde1e6}
i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-right:.5rem}
pre{background:#f4f6f8;padding:.8rem 1rem;border-radius:6px;overflow:auto}
@media(prefers-color-scheme:dark){body{color:#e6e9ed;background:#14171a}.soft,svg text{color:#9aa4b2;
fill:#9aa4b2}th,td{border-color:#343a40}.grid{stroke:#343a40}pre{background:#1d2125}}
@media print{body{margin:0;max-width:none}}
"""


def to_html(found: Backtest, title: str) -> str:
    """The page: what each policy came to, its loss over time with its retrainings, and the decisions."""
    rows = "".join(_row(found, curve, place) for place, curve in enumerate(found.policies))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{found.rows:,} labelled rows, lived through again in windows of"
        f" {found.window_rows:,}. Every policy begins with a model of the first"
        f" {found.first_rows:,} rows.</p><table><thead><tr><th>Policy"
        f'<th class="n">Mean {found.loss}<th class="n">Retrainings<th class="n">Against never</tr>'
        f"</thead><tbody>{rows}</tbody></table>"
        f"<h2>{found.loss.capitalize()} over time</h2>"
        f'<p class="soft">Each line is the mean of the windows around; dots are retrainings.</p>'
        f"{_chart(found, [curve.losses for curve in found.policies])}"
        f"{_auc_chart(found)}{_decisions(found)}"
        f"<h2>The policy millwright</h2><pre>{escape(policy_text(found))}</pre></body></html>"
    )


def policy_text(found: Backtest) -> str:
    """The recommended policy as it stands in ``millwright.yaml``."""
    given = found.recommended.model_dump(exclude_unset=True, mode="json")
    lines = [f"  {key}: {_yaml(value)}" for key, value in given.items()]
    return "\n".join(["retraining:", *lines])


def _yaml(value: object) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _row(found: Backtest, curve: PolicyCurve, place: int) -> str:
    never = next((c.error for c in found.policies if c.name == "never"), None)
    change = "–" if not never else f"{curve.error / never - 1.0:+.1%}"
    return (
        f'<tr><td><i style="background:{_colour(place)}"></i>{escape(curve.name)}'
        f'<td class="n">{curve.error:.4g}<td class="n">{curve.retrainings}<td class="n">{change}</tr>'
    )


def _auc_chart(found: Backtest) -> str:
    known = [curve for curve in found.policies if any(a is not None for a in curve.aucs)]
    if not known:
        return ""
    series = [tuple(0.5 if a is None else a for a in curve.aucs) for curve in found.policies]
    return f"<h2>Area under the ROC curve over time</h2>{_chart(found, series)}"


def _chart(found: Backtest, series: Sequence[Sequence[float]]) -> str:
    smooth = [_smoothed(values) for values in series]
    everything = [value for values in smooth for value in values]
    low, high = min(everything), max(everything)
    span = (high - low) or 1.0
    low, high = low - 0.05 * span, high + 0.05 * span
    count = len(series[0])

    def x(position: float) -> float:
        return _LEFT + position / max(count - 1, 1) * (_WIDTH - _LEFT - 8)

    def y(value: float) -> float:
        return (_HEIGHT - _BOTTOM) * (1.0 - (value - low) / (high - low))

    parts = []
    for step in range(5):
        level = low + (high - low) * (step + 0.5) / 5
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>'
            f'<text x="{_LEFT - 6}" y="{y(level) + 4:.1f}" text-anchor="end">{level:.3g}</text>'
        )
    for place, (curve, values) in enumerate(zip(found.policies, smooth, strict=True)):
        step_width = (count - 1) / max(len(values) - 1, 1)
        points = " ".join(f"{x(i * step_width):.1f},{y(v):.1f}" for i, v in enumerate(values))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{_colour(place)}" stroke-width="1.8">'
            f"<title>{escape(curve.name)}</title></polyline>"
        )
        parts += _dots(found, curve, values, place, x, y)
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        at = round(share * (count - 1))
        parts.append(
            f'<text x="{x(at):.1f}" y="{_HEIGHT - 4}" text-anchor="{anchor}">'
            f"{escape(found.times[at][:10])}</text>"
        )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%" role="img" aria-label="Over time">'
        f"{''.join(parts)}</svg>"
    )


def _dots(
    found: Backtest, curve: PolicyCurve, values: Sequence[float], place: int, x: _Scale, y: _Scale
) -> list[str]:
    if curve.retrainings > len(found.times) // 3:
        return []  # Of one in every window there is nothing to be seen.
    dots = []
    for decision in curve.decisions:
        window = (decision.row - found.first_rows) / found.window_rows - 1
        at = min(round(window / max(len(found.times) - 1, 1) * (len(values) - 1)), len(values) - 1)
        tip = f"{curve.name}, {decision.time[:10]}: {decision.reason}"
        dots.append(
            f'<circle cx="{x(window):.1f}" cy="{y(values[at]):.1f}" r="3.5" fill="{_colour(place)}">'
            f"<title>{escape(tip)}</title></circle>"
        )
    return dots


def _decisions(found: Backtest) -> str:
    parts = []
    for curve in found.policies:
        if not curve.decisions or all(d.trigger == "schedule" for d in curve.decisions):
            continue
        rows = "".join(
            f'<tr><td>{d.time[:10]}<td class="n">{d.row:,}<td>{escape(d.trigger)}'
            f'<td>{escape(d.reason)}<td class="n">{d.row - d.learned_from:,}</tr>'
            for d in curve.decisions
        )
        parts.append(
            f"<h2>Decisions of {escape(curve.name)}</h2><table><thead><tr><th>When"
            '<th class="n">Row<th>Trigger<th>Why<th class="n">Rows learned from</tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )
    return "".join(parts)


def _smoothed(values: Sequence[float]) -> list[float]:
    """A running mean over a twentieth of the windows, at most so many points."""
    count = len(values)
    reach = max(count // 40, 0)
    step = max(count // _MOST_POINTS, 1)
    found = []
    for at in range(0, count, step):
        part = values[max(at - reach, 0) : at + reach + 1]
        found.append(sum(part) / len(part))
    return found


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]
