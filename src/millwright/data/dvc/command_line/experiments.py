"""``exp show``, ``exp list`` and ``exp pull``: experiments that DVC saved."""

from __future__ import annotations

import argparse
import json
from typing import Any

from millwright.data.dvc import git
from millwright.data.dvc.command_line.text_tables import aligned, comma_separated, markdown, shown
from millwright.data.dvc.command_line.words import Parser, say
from millwright.data.dvc.experiments import Experiment, commits, refs
from millwright.data.dvc.repository import Repository, find
from millwright.data.dvc.snapshots import Snapshot, dependencies, workspace
from millwright.data.dvc.values import leaves
from millwright.kernel.errors import InvalidInput


def exp(arguments: list[str]) -> int:
    """Show, list and pull saved experiments."""
    known = {"show": _show, "list": _list, "ls": _list, "pull": _pull}
    if not arguments or arguments[0] not in known:
        raise InvalidInput(
            "dvc.command",
            f"`exp` knows {', '.join(known)}.",
            hint="Experiments are run by dvc itself, or tracked with `mw runs`.",
        )
    return known[arguments[0]](arguments[1:])


def _pull(arguments: list[str]) -> int:
    parser = Parser("exp pull", "Bring experiments from a git remote.")
    parser.flags("-A/--all-commits", "-f/--force", "--no-cache", "--run-cache")
    parser.ignored("--rev", "-n/--num", "-r/--remote", "-j/--jobs")
    parser.add_argument("git_remote")
    parser.add_argument("experiments", nargs="*")
    options = parser.parse_args(arguments)
    repository = find()
    if options.git_remote.startswith("-"):
        raise InvalidInput("dvc.git", f"{options.git_remote!r} is no git remote.")
    before = {experiment.commit for experiment in refs(repository.root)}
    mark = "+" if options.force else ""
    specification = f"{mark}refs/exps/*:refs/exps/*"
    exclude = "^refs/exps/exec/*"
    git.run(repository.root, "fetch", "-q", "--", options.git_remote, specification, exclude)
    new = [e.name for e in refs(repository.root) if e.commit not in before]
    say(options, f"Pulled experiments: {', '.join(new)}" if new else "No experiments to pull.")
    return 0


def _list(arguments: list[str]) -> int:
    parser = Parser("exp list", "List saved experiments.")
    parser.flags("-A/--all-commits", "--name-only", "--sha-only")
    parser.parse_args(arguments)
    repository = find()
    known = {
        commit.id: commit.name or commit.id[:7] for commit in commits(repository.root, "--all")
    }
    baseline = None
    for experiment in sorted(refs(repository.root)):
        if experiment.baseline != baseline:
            baseline = experiment.baseline
            print(f"{known.get(baseline, baseline[:7])}:")
        print(f"\t{experiment.commit[:7]} [{experiment.name}]")
    return 0


def _show(arguments: list[str]) -> int:
    parser = Parser("exp show", "Show experiments with their metrics and parameters.")
    parser.flags("-A/--all-commits", "-a/--all-branches", "-T/--all-tags", "--no-pager")
    parser.flags("--json", "--csv", "--md", "--sha", "--only-changed", "--hide-workspace")
    parser.add_argument("-n", "--num", type=int, default=1)
    parser.add_argument("--rev", default="HEAD")
    parser.add_argument("--precision", type=int, default=5)
    parser.ignored("--drop", "--keep", "--sort-by", "--sort-order")
    options = parser.parse_args(arguments)
    repository = find()
    tree = _tree(repository, options)
    if options.json:
        print(json.dumps(tree))
        return 0
    header, rows = _table(tree, options)
    style = comma_separated if options.csv else markdown if options.md else aligned
    print(style(header, rows))
    return 0


def _tree(repository: Repository, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows as DVC's JSON has them: a state each, baselines with their experiments."""
    rows = [] if options.hide_workspace else [_state(workspace(repository), None, None)]
    if repository.git_root is None or not git.has_commits(repository.root):
        return rows
    by_baseline: dict[str, list[Experiment]] = {}
    for experiment in refs(repository.root):
        by_baseline.setdefault(experiment.baseline, []).append(experiment)
    for commit in _selected(repository, options):
        row = _state(Snapshot(repository, commit.id, commit.id), commit.name, commit.date)
        saved = by_baseline.get(commit.id, [])
        row["experiments"] = [
            {
                "revs": [_state(Snapshot(repository, e.commit, e.commit), e.name, None)],
                "executor": None,
                "name": e.name,
            }
            for e in saved
        ] or None
        rows.append(row)
    return rows


def _selected(repository: Repository, options: argparse.Namespace) -> list[Any]:
    # Experiments live under refs/exps, so `--all` would name them as commits of their own.
    selection = [
        option
        for flag, option in (
            (options.all_commits or options.all_branches, "--branches"),
            (options.all_commits or options.all_tags, "--tags"),
        )
        if flag
    ]
    if selection:
        extra = [] if options.all_commits else ["--no-walk"]
        return commits(repository.root, *selection, *extra)
    commit = git.resolve(repository.root, options.rev)
    return commits(repository.root, "--first-parent", f"--max-count={max(options.num, 1)}", commit)


def _state(snapshot: Snapshot, name: str | None, date: str | None) -> dict[str, Any]:
    tracking = snapshot.tracking
    outs = {
        tracked.place: {
            "hash": tracked.out.md5,
            "size": tracked.out.size,
            "nfiles": tracked.out.nfiles,
            "use_cache": tracked.out.cached,
            "is_data_source": tracked.stage is None,
        }
        for tracked in tracking.outs
    }
    deps = {
        path: {"hash": dep.md5, "size": dep.size, "nfiles": dep.nfiles}
        for path, dep in dependencies(tracking).items()
    }
    rev = snapshot.commit or "workspace"
    data = {
        "rev": rev,
        "timestamp": date,
        "params": {place: {"data": tree} for place, tree in snapshot.params().items()},
        "metrics": {place: {"data": tree} for place, tree in snapshot.metrics().items()},
        "deps": deps,
        "outs": outs,
        "meta": {},
    }
    return {"rev": rev, "name": name, "data": data, "error": None, "experiments": None}


def _table(
    tree: list[dict[str, Any]], options: argparse.Namespace
) -> tuple[list[str], list[list[str]]]:
    flat: list[tuple[str, str | None, dict[str, Any]]] = []
    for row in tree:
        flat.append((row["name"] or row["rev"][:9], row["data"]["timestamp"], _cells(row["data"])))
        for experiment in row["experiments"] or []:
            inner = experiment["revs"][0]
            label = f"  {inner['rev'][:7]} [{experiment['name']}]"
            flat.append((label, inner["data"]["timestamp"], _cells(inner["data"])))
    columns = list(dict.fromkeys(key for _, _, cells in flat for key in cells))
    if options.only_changed:
        columns = [c for c in columns if len({shown(cells.get(c)) for _, _, cells in flat}) > 1]
    rows = [
        [label, date or "-", *(shown(cells.get(c), options.precision) for c in columns)]
        for label, date, cells in flat
    ]
    return ["Experiment", "Created", *columns], rows


def _cells(data: dict[str, Any]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for part in ("metrics", "params"):
        for tree in data[part].values():
            cells |= dict(leaves(tree["data"]))
    cells |= {path: (dep["hash"] or "")[:8] for path, dep in data["deps"].items()}
    return cells
