"""``checkout``: the working tree made what the records say."""

from __future__ import annotations

import json
import sys

from millwright.data.dvc.command_line.words import Parser, files
from millwright.data.dvc.repository import Repository, find
from millwright.data.dvc.working_tree import Change, bring_back, current, relink


def checkout(arguments: list[str]) -> int:
    """Bring tracked files back from the cache."""
    parser = Parser("checkout", "Bring tracked files back from the cache.")
    parser.flags("--summary", "-d/--with-deps", "-R/--recursive", "-f/--force", "--relink")
    parser.flags("--allow-missing", "--json")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments)
    repository = find()
    changes = bring_all_back(repository, options.targets, options.recursive, options.force)
    if options.relink:
        _relink(repository)
    return report(changes, options.quiet, options.allow_missing, options.json, options.summary)


def bring_all_back(
    repository: Repository, targets: list[str], recursive: bool, force: bool
) -> list[Change]:
    """Check out what targets name; what changed."""
    changes = [
        bring_back(repository, tracked, part, force=force)
        for tracked, part in repository.chosen(targets, recursive)
    ]
    return [change for change in changes if change is not None]


def _relink(repository: Repository) -> None:
    for tracked in repository.now.outs:
        found = current(repository, tracked)
        if found is not None and found.md5 == tracked.out.md5 and tracked.out.cached:
            relink(repository, tracked.place, found, tracked.out.hash)


def report(
    changes: list[Change],
    quiet: bool,
    allow_missing: bool = False,
    as_json: bool = False,
    summary: bool = False,
) -> int:
    """Say what a checkout changed, and what it could not bring back."""
    done = [change for change in changes if change.kind != "failed"]
    failed = [change.place for change in changes if change.kind == "failed"]
    if as_json:
        words = {"A": "added", "M": "modified"}
        print(
            json.dumps(
                {w: [c.place for c in done if c.kind == k] for k, w in words.items()}
                | {"failed": failed}
            )
        )
    elif not quiet and summary:
        print(summary_of(done))
    elif not quiet:
        for change in done:
            print(f"{change.kind}\t{change.place}")
    if failed and not allow_missing:
        sys.stdout.flush()
        print(
            "ERROR: Checkout failed for following targets:\n"
            + "\n".join(failed)
            + "\nTheir objects are not in the cache: fetch them with `mw-dvc pull`.",
            file=sys.stderr,
        )
        return 255
    return 0


def summary_of(done: list[Change]) -> str:
    """The changes of a checkout in a line."""
    parts = [
        f"{files(count)} {word}"
        for kind, word in (("A", "added"), ("M", "modified"))
        if (count := sum(change.kind == kind for change in done))
    ]
    return ", ".join(parts) if parts else "No changes."
