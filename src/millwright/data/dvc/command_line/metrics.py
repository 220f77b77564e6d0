"""``metrics show|diff`` and ``params diff``."""

from __future__ import annotations

import json
from typing import Any

from millwright.data.dvc.command_line.text_tables import aligned, markdown, shown
from millwright.data.dvc.command_line.words import Parser
from millwright.data.dvc.repository import find
from millwright.data.dvc.snapshots import Snapshot, at, workspace
from millwright.data.dvc.values import leaves
from millwright.kernel.errors import InvalidInput

Trees = dict[str, Any]


def metrics(arguments: list[str]) -> int:
    """Show and compare metrics."""
    if arguments[:1] == ["show"]:
        return _show(arguments[1:])
    if arguments[:1] == ["diff"]:
        return _diff("metrics", arguments[1:])
    raise InvalidInput("dvc.command", "`metrics` knows show and diff.")


def params(arguments: list[str]) -> int:
    """Compare parameters."""
    if arguments[:1] == ["diff"]:
        return _diff("params", arguments[1:])
    raise InvalidInput("dvc.command", "`params` knows diff.")


def _show(arguments: list[str]) -> int:
    parser = Parser("metrics show", "Show metrics.")
    parser.flags("--json", "--md", "-R/--recursive")
    parser.add_argument("--precision", type=int, default=5)
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments)
    trees = workspace(find()).metrics()
    if options.targets:
        trees = {place: tree for place, tree in trees.items() if place in options.targets}
    if options.json:
        print(json.dumps({"": {"data": {place: {"data": tree} for place, tree in trees.items()}}}))
        return 0
    flat = {place: dict(leaves(tree)) for place, tree in trees.items()}
    columns = sorted({key for values in flat.values() for key in values})
    rows = [
        [place, *(shown(values.get(c), options.precision) for c in columns)]
        for place, values in flat.items()
    ]
    print((markdown if options.md else aligned)(["Path", *columns], rows))
    return 0


def _diff(what: str, arguments: list[str]) -> int:
    parser = Parser(f"{what} diff", f"Compare {what} of two revisions.")
    parser.flags("--json", "--md", "--all", "--no-path", "--deps")
    parser.add_argument("--precision", type=int, default=5)
    parser.add_argument("--targets", nargs="*", default=[])
    parser.add_argument("a_rev", nargs="?", default="HEAD")
    parser.add_argument("b_rev", nargs="?")
    options = parser.parse_args(arguments)
    repository = find()
    old, new = at(repository, options.a_rev), workspace(repository)
    if options.b_rev:
        new = at(repository, options.b_rev)
    found = _changes(_trees(old, what), _trees(new, what), options.all)
    if options.targets:
        found = {place: rows for place, rows in found.items() if place in options.targets}
    if options.json:
        print(json.dumps(found))
        return 0
    rows = [
        [place, key, *(shown(row.get(side), options.precision) for side in ("old", "new"))]
        + ([shown(row.get("diff"), options.precision)] if what == "metrics" else [])
        for place, changes in found.items()
        for key, row in changes.items()
    ]
    header = ["Path", "Metric" if what == "metrics" else "Param", old.name, new.name]
    if rows:
        header += ["Change"] if what == "metrics" else []
        print((markdown if options.md else aligned)(header, rows))
    return 0


def _trees(snapshot: Snapshot, what: str) -> Trees:
    return snapshot.metrics() if what == "metrics" else snapshot.params()


def _changes(old: Trees, new: Trees, everything: bool) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for place in sorted({*old, *new}):
        before, after = dict(leaves(old.get(place, {}))), dict(leaves(new.get(place, {})))
        for key in sorted({*before, *after}):
            a: Any = before.get(key)
            b: Any = after.get(key)
            if a == b and not everything:
                continue
            row: dict[str, Any] = {"old": a, "new": b}
            if _is_number(a) and _is_number(b):
                row["diff"] = b - a
            found.setdefault(place, {})[key] = row
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
