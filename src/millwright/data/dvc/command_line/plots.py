"""``plots show`` and ``plots diff``: declared plots as Vega-Lite, in one page or as JSON."""

from __future__ import annotations

import html
import json
import os
from typing import Any

from millwright.data.dvc.command_line.words import Parser
from millwright.data.dvc.repository import find
from millwright.data.dvc.snapshots import Plot, Snapshot, at, workspace
from millwright.data.dvc.values import read_points
from millwright.kernel.errors import InvalidInput

_PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8"><title>Plots</title>
<script src="https://cdn.jsdelivr.net/npm/vega@5.20.2"></script>
<script src="https://cdn.jsdelivr.net/npm/vega-lite@5.2.0"></script>
<script src="https://cdn.jsdelivr.net/npm/vega-embed@6.18.2"></script>
</head>
<body>
{plots}
</body>
</html>
"""


def plots(arguments: list[str]) -> int:
    """Show and compare plots."""
    if arguments[:1] not in (["show"], ["diff"]):
        raise InvalidInput("dvc.command", "`plots` knows show and diff.")
    parser = Parser(f"plots {arguments[0]}", "Declared plots, in one page or as JSON.")
    parser.flags("--json", "--show-vega", "--open", "--no-header", "--split")
    parser.add_argument("-o", "--out", default="dvc_plots")
    parser.ignored("-t/--template", "-x", "-y", "--title", "--x-label", "--y-label")
    parser.ignored("--html-template")
    if arguments[0] == "diff":
        parser.add_argument("--targets", nargs="*", default=[])
        parser.add_argument("revisions", nargs="*", default=[])
    else:
        parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments[1:])
    repository = find()
    snapshots = [workspace(repository)]
    if arguments[0] == "diff":
        named = [at(repository, revision) for revision in options.revisions or ["HEAD"]]
        snapshots = [*snapshots, *named] if len(named) < 2 else named
    found = {
        plot.name: _specification(plot, snapshots)
        for plot in _declared(snapshots)
        if not options.targets
        or plot.name in options.targets
        or set(plot.sources) & {*options.targets}
    }
    if options.json or options.show_vega:
        data = {
            name: [{"type": "vega", "revisions": [s.name for s in snapshots], "content": content}]
            for name, content in found.items()
        }
        print(
            json.dumps({"data": data})
            if options.json
            else json.dumps(next(iter(found.values()), {}))
        )
        return 0
    print(f"file://{_write_page(found, os.path.abspath(options.out))}")
    return 0


def _declared(snapshots: list[Snapshot]) -> list[Plot]:
    return list({plot.name: plot for each in reversed(snapshots) for plot in each.plots()}.values())


def _specification(plot: Plot, snapshots: list[Snapshot]) -> dict[str, Any]:
    values: list[dict[str, Any]] = []
    x, y = plot.x, ""
    for snapshot in snapshots:
        for place, wanted in plot.sources.items():
            rows = read_points(snapshot.read(place) or "[]", place)
            columns = wanted or _last_column(rows, x)
            for column in columns:
                y = y or column
                points = [
                    _point(row, step, column, y, x, snapshot.name) for step, row in enumerate(rows)
                ]
                values += [
                    p | {"source": f"{place}::{column}"} if len(columns) > 1 else p for p in points
                ]
    x = x or "step"
    mark = {"scatter": "point", "bar_horizontal": "bar", "confusion": "rect"}.get(
        plot.template, "line"
    )
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": values},
        "title": plot.title,
        "width": 300,
        "height": 300,
        "mark": {"type": mark, "tooltip": True},
        "encoding": {
            "x": {"field": x, "type": "quantitative", "title": x},
            "y": {"field": y, "type": "quantitative", "title": y, "scale": {"zero": False}},
            "color": {"field": "rev", "type": "nominal"},
        },
    }


def _last_column(rows: list[dict[str, Any]], x: str | None) -> list[str]:
    names = [name for name in (rows[0] if rows else {}) if name != x]
    return names[-1:]


def _point(
    row: dict[str, Any], step: int, column: str, y: str, x: str | None, name: str
) -> dict[str, Any]:
    if x is None:
        return {"step": step, y: row.get(column), "rev": name}
    return {x: row.get(x), y: row.get(column), "rev": name}


def _write_page(found: dict[str, dict[str, Any]], folder: str) -> str:
    parts = []
    for number, (name, content) in enumerate(found.items()):
        # "</" inside a script would end it, whatever the data says.
        text = json.dumps(content).replace("</", "<\\/")
        parts.append(
            f'<h2>{html.escape(name)}</h2><div id="plot{number}"></div>'
            f'<script>vegaEmbed("#plot{number}", {text});</script>'
        )
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/index.html"
    with open(path, "w", encoding="utf-8") as file:
        file.write(_PAGE.replace("{plots}", "\n".join(parts)))
    return path
