"""A comparison as one HTML page that needs nothing else: no script, no style sheet, no font."""

from __future__ import annotations

from html import escape

from millwright.monitoring.comparison.records import (
    ColumnComparison,
    Distribution,
    TableComparison,
)

MOST_DRAWN = 300
"""Columns that are drawn; the table lists all."""
_WIDTH, _HEIGHT = 320, 72
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:68rem;padding:0 1rem;
color:#1b1f24;background:#fff}h1{font-size:1.5rem}h2{font-size:1.05rem;margin:0 0 .25rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #dde1e6}
td.n,th.n{text-align:right}.page,.drifted{color:#b42318;font-weight:600}
.warn{color:#b54708;font-weight:600}.soft{color:#57606a}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(21rem,1fr));gap:1rem;margin-top:2rem}
.card{border:1px solid #dde1e6;border-radius:8px;padding:.8rem 1rem}
.card ul{margin:.4rem 0 0;padding-left:1.1rem}rect.then{fill:#9aa4b2}rect.now{fill:#2e6fd8}
@media(prefers-color-scheme:dark){body{color:#e6e9ed;background:#14171a}.soft{color:#9aa4b2}
th,td,.card{border-color:#343a40}.page,.drifted{color:#ff8a7a}.warn{color:#f5b45f}}
@media print{body{margin:0;max-width:none}.card{break-inside:avoid}}
"""


def to_html(comparison: TableComparison, title: str = "Drift report") -> str:
    """The page: a summary, a table of all columns, and both distributions of each."""
    columns = comparison.ranked()
    moved = sum(column.drifted for column in columns)
    notes = "".join(f"<li>{escape(text)}</li>" for text in comparison.findings)
    rows = "".join(_row(column) for column in columns)
    cards = "".join(_card(column) for column in columns[:MOST_DRAWN])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{moved} of {len(columns)} columns have drifted by the rules of"
        f" <b>{escape(comparison.preset)}</b>: {comparison.rows[1]:,} rows against"
        f" {comparison.rows[0]:,} of the reference.</p><ul>{notes}</ul>"
        '<table><thead><tr><th>Column<th>Kind<th>Verdict<th>Statistic<th class="n">Value'
        '<th class="n">Threshold<th class="n">p<th class="n">Missing</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        '<p class="soft">Grey: reference. Blue: current.</p>'
        f'<div class="cards">{cards}</div></body></html>'
    )


def _row(column: ColumnComparison) -> str:
    verdict = column.tier if column.tier != "none" else "drifted" if column.drifted else ""
    return (
        f"<tr><td>{escape(column.name)}<td>{column.kind}"
        f'<td class="{verdict}">{verdict or "–"}<td>{escape(column.method.replace("_", " "))}'
        f'<td class="n">{_number(column.value)}<td class="n">{_number(column.threshold)}'
        f'<td class="n">{_number(column.p_value)}'
        f'<td class="n">{column.missing[0]:.1%} → {column.missing[1]:.1%}</tr>'
    )


def _card(column: ColumnComparison) -> str:
    found = "".join(f"<li>{escape(text)}</li>" for text in column.findings)
    drawn = _drawing(column.distribution) if column.distribution else ""
    if not drawn and not found:
        return ""
    return f'<div class="card"><h2>{escape(column.name)}</h2>{drawn}<ul>{found}</ul></div>'


def _drawing(shown: Distribution) -> str:
    cells = len(shown.reference)
    highest = max((*shown.reference, *shown.current), default=0.0)
    if cells == 0 or highest <= 0.0:
        return ""
    step = _WIDTH / cells
    bars = []
    for side, shares, at in (("then", shown.reference, 0.04), ("now", shown.current, 0.5)):
        for cell, share in enumerate(shares):
            height = share / highest * _HEIGHT
            if height < 0.05:
                continue
            name = shown.levels[cell] if shown.levels else ""
            tip = f"<title>{escape(name)} {share:.2%}</title>" if name else ""
            bars.append(
                f'<rect class="{side}" x="{(cell + at) * step:.1f}" y="{_HEIGHT - height:.1f}"'
                f' width="{0.46 * step:.1f}" height="{height:.1f}">{tip}</rect>'
            )
    ends = (
        (f"{shown.edges[0]:.5g}", f"{shown.edges[-1]:.5g}")
        if shown.edges
        else (shown.levels[0], shown.levels[-1])
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100%" role="img">{"".join(bars)}</svg>'
        f'<div class="soft" style="display:flex;justify-content:space-between">'
        f"<span>{escape(ends[0])}</span><span>{escape(ends[1])}</span></div>"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
