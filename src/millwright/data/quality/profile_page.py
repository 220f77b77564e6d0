"""A profile as one page of HTML that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from html import escape
from typing import Final

from millwright.data.quality.profile_records import ColumnProfile, TableProfile
from millwright.data.quality.sentences import shown
from millwright.kernel.clock import rfc3339

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #e4e7ec; --bar: #3b6fd4;
  --page: #fff; --card: #f8f9fb; --warn: #b54708; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2c3442;
  --bar: #7aa2f7; --page: #12161d; --card: #1a202a; --warn: #f5b971; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  margin: 0 auto; max-width: 1080px; padding: 32px 20px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 32px 0 8px; }
p.soft, .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 14px 18px; margin: 14px 0; display: grid; grid-template-columns: 1fr 320px; gap: 18px; }
section h3 { margin: 0; font-size: 16px; } dl { display: grid; margin: 8px 0 0;
  grid-template-columns: max-content 1fr; gap: 2px 14px; } dt { color: var(--soft); } dd { margin: 0; }
svg { width: 100%; height: 110px; } rect { fill: var(--bar); } .warn { color: var(--warn); }
@media (max-width: 760px) { section { grid-template-columns: 1fr; } }
"""


def page(profile: TableProfile, title: str) -> str:
    """The profile as HTML. All text of the data is escaped."""
    name = escape(title)
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>Profile of {name}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{name}</h1><p class=soft>{_summary(profile)}</p>",
        _personal(profile),
        _overview(profile),
        "<h2>Columns</h2>",
        *(_column(column, profile.rows) for column in profile.columns),
        _correlations(profile),
        "</body></html>\n",
    ]
    return "".join(parts)


def _summary(profile: TableProfile) -> str:
    text = f"{profile.rows:,} rows, {len(profile.columns)} columns"
    if profile.duplicates is not None:
        about = "about " if profile.duplicates_estimated else ""
        text += f", {about}{profile.duplicates:,} rows repeat another"
    text += "."
    if profile.sampled_rows is not None:
        text += (
            f" Quantiles, histograms, correlations, personal data and the frequent values of columns"
            f" with many are of {profile.sampled_rows:,} rows, drawn evenly; all else is of all rows."
            " Where more than some ten thousand values differ, ≈ says that they were not counted one"
            " by one (to about 0.8 %)."
        )
    return text


def _personal(profile: TableProfile) -> str:
    if not profile.personal:
        return ""
    rows = "".join(
        f"<tr><td>{escape(item.column)}<td>{escape(item.kind)}<td>by its {escape(item.by)}"
        f"<td class=number>{item.share:.1%}<td><code>{escape(item.example)}</code>"
        for item in profile.personal
    )
    return (
        "<h2 class=warn>Personal data</h2><table><tr><th>Column<th>Kind<th>Found"
        f"<th class=number>Share<th>Masked example</tr>{rows}</table>"
    )


def _overview(profile: TableProfile) -> str:
    rows = "".join(
        f"<tr><td>{escape(c.name)}<td>{c.kind}<td>{escape(c.type)}"
        f"<td class=number>{c.nulls / max(profile.rows, 1):.2%}<td class=number>{_distinct(c)}"
        for c in profile.columns
    )
    return (
        "<h2>Overview</h2><table><tr><th>Column<th>Kind<th>Type<th class=number>Missing"
        f"<th class=number>Distinct</tr>{rows}</table>"
    )


def _column(column: ColumnProfile, rows: int) -> str:
    facts = [("Missing", f"{column.nulls:,} ({column.nulls / max(rows, 1):.2%})")]
    facts.append(("Distinct", _distinct(column)))
    bounds = (("Least", column.minimum), ("Greatest", column.maximum))
    for label, value in bounds:
        if value is not None:
            facts.append((label, rfc3339(int(value)) if column.kind == "time" else shown(value)))
    if column.mean is not None:
        facts.append(("Mean", shown(column.mean)))
    if column.deviation is not None:
        facts.append(("Standard deviation", shown(column.deviation)))
    facts += [(f"{q.share:.0%} quantile", shown(q.value)) for q in column.quantiles]
    listed = "".join(f"<dt>{label}<dd>{escape(value)}" for label, value in facts)
    return (
        f"<section><div><h3>{escape(column.name)} <span class=soft>{column.kind}</span></h3>"
        f"<dl>{listed}</dl></div><div>{_histogram(column)}{_top(column)}</div></section>"
    )


def _distinct(column: ColumnProfile) -> str:
    return f"{'≈ ' if column.distinct_estimated else ''}{column.distinct:,}"


def _histogram(column: ColumnProfile) -> str:
    if column.histogram is None:
        return ""
    counts = column.histogram.counts
    most = max(counts) or 1
    width = 320 / len(counts)
    bars = "".join(
        f'<rect x="{place * width:.1f}" y="{100 - 96 * count / most:.1f}" '
        f'width="{max(width - 1, 0.5):.1f}" height="{96 * count / most:.1f}"/>'
        for place, count in enumerate(counts)
    )
    edges = column.histogram.edges
    label = f"Histogram from {shown(edges[0])} to {shown(edges[-1])}"
    return f'<svg viewBox="0 0 320 104" role=img aria-label="{escape(label)}">{bars}</svg>'


def _top(column: ColumnProfile) -> str:
    if not column.top:
        return ""
    rows = "".join(
        f"<tr><td>{escape(top.value[:80])}<td class=number>{top.count:,}" for top in column.top
    )
    of = "<tr><th>Frequent values<th class=number>In the sample</tr>" if column.top_sampled else ""
    return f"<table>{of}{rows}</table>"


def _correlations(profile: TableProfile) -> str:
    if not profile.correlations:
        return ""
    rows = "".join(
        f"<tr><td>{escape(c.left)}<td>{escape(c.right)}<td class=number>{c.coefficient:+.3f}"
        for c in profile.correlations
    )
    return (
        "<h2>Strongest correlations</h2><table><tr><th>One<th>Other"
        f"<th class=number>Pearson</tr>{rows}</table>"
    )
