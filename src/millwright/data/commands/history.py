"""`mw data log`, `diff`, `tag` and `branch`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from millwright.data.commands.shared import (
    JSON,
    PROJECT,
    amount,
    counted,
    opened,
    print_json,
)
from millwright.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from millwright.data.trees import Difference
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.journal import Known

_SHOWN = 50


@click.command()
@click.argument("name")
@click.option("--limit", default=20, show_default=True, help="How many versions.")
@PROJECT
@JSON
def log(name: str, limit: int, project: str | None, as_json: bool) -> None:
    """The versions of a dataset, newest first, each with what it came of."""
    from millwright.data.references import split
    from millwright.data.working.copies import WorkingCopy
    from millwright.data.working.ledger import find
    from millwright.kernel.clock import rfc3339

    with WorkingCopy.opened(project) as copy:
        dataset, selector = split(name)
        newest = find(copy.ledger, dataset, selector) if "@" in name else None
        find(copy.ledger, dataset, "latest")
        versions = copy.ledger.versions(dataset)
        # Where a branch began is no more its newest once it has versions of its own.
        begun = {version.branch for version in versions}
        refs = {ref: one for ref, one in copy.ledger.refs(dataset).items() if ref not in begun}
    numbers = {version.id: version.version for version in versions}
    if newest is not None:
        versions = _ancestry(newest, versions)
    found = [
        {
            "id": version.id,
            "version": version.version,
            "branch": version.branch,
            "names": sorted(ref for ref, identifier in refs.items() if identifier == version.id),
            "parents": [numbers.get(parent) for parent in version.parents],
            "kind": version.kind,
            "digest": version.digest,
            "files": version.files,
            "rows": version.rows,
            "size": version.size,
            "message": version.message,
            "created_at": rfc3339(version.created_ms),
            "created_by": version.created_by,
        }
        for version in versions[:limit]
    ]
    if as_json:
        print_json(found)
        return
    for one in found:
        _show_version(dataset, one)


def _ancestry(newest: Known, versions: Any) -> list[Known]:
    by_id = {version.id: version for version in versions}
    wanted, seen = [newest.id], set()
    while wanted:
        identifier = wanted.pop()
        if identifier in by_id and identifier not in seen:
            seen.add(identifier)
            wanted.extend(by_id[identifier].parents)
    return [version for version in versions if version.id in seen]


def _show_version(dataset: str, one: dict[str, Any]) -> None:
    names = [one["branch"]] if one["branch"] != "main" else []
    names += [name for name in one["names"] if name not in names]
    marks = f" ({', '.join(names)})" if names else ""
    content = f"{one['rows']:,} rows" if one["kind"] == "table" else counted(one["files"], "file")
    parents = ", ".join(f"@{number}" for number in one["parents"])
    origin = f"  from {parents}" if parents else ""
    title = click.style(f"{dataset}@{one['version']}", bold=True)
    click.echo(
        f"{title}{marks}  {one['created_at'][:19]}  "
        f"{content}, {amount(one['size'])}  {one['digest'][:12]}{origin}  {one['created_by']}"
    )
    for line in one["message"].splitlines():
        click.echo(f"    {line}".rstrip())


@click.command()
@click.argument("first", metavar="NAME[@VERSION]|PATH")
@click.argument("second", required=False, metavar="[@VERSION]")
@click.option("--key", help="Columns that name a row of a table, separated by commas.")
@click.option("--limit", default=_SHOWN, show_default=True, help="How many lines.")
@PROJECT
@JSON
def diff(
    first: str, second: str | None, key: str | None, limit: int, project: str | None, as_json: bool
) -> None:
    """What differs between two versions, or between a version and the working copy.

    `mw data diff photos` compares with the working copy, `mw data diff photos@1 @2` two versions.
    Of tables, rows and columns are compared.
    """
    from millwright.data.working.copies import WorkingCopy

    with WorkingCopy.opened(project) as copy:
        if second is None and "@" not in first:
            _diff_here(copy, first, limit, as_json)
            return
        name = first.partition("@")[0]
        old = copy.version_of(first)
        new = copy.version_of(
            second if second and not second.startswith("@") else name + (second or "")
        )
        if old.kind != new.kind:
            raise InvalidInput(
                "data.kinds_differ",
                f"{old.reference} and {new.reference} are not both tables or both files.",
            )
        if old.kind == "files":
            from millwright.data import trees

            nodes = copy.place.trees
            roots = (bytes.fromhex(old.digest), bytes.fromhex(new.digest))
            found = trees.diff(nodes, *roots)
            _show_diff(f"{old.reference} → {new.reference}", found, limit, as_json)
            return
    from millwright.data.commands.row_diff import show_row_diff

    show_row_diff(old, new, key, limit, project, as_json=as_json)


def _diff_here(copy: WorkingCopy, word: str, limit: int, as_json: bool) -> None:
    from millwright.data.trees import Change
    from millwright.data.trees.comparing import classify
    from millwright.data.working.reviewing import current, entries_known, review

    tracked = copy.one(word)
    found = review(copy.place, copy.index, tracked)
    base = tracked.base(copy.place.root)
    paths = [*found.added, *found.modified, *found.removed]
    paths += [path for pair in found.renamed for path in pair]
    before = entries_known(copy.place, copy.index, tracked, paths)
    changes = []
    for path in sorted(paths):
        now = current(base / path, follow=tracked.follow)
        changes.append(Change(path.encode(), before.get(path), now[1] if now else None))
    _show_diff(f"{tracked.reference} → {tracked.path}", classify(changes), limit, as_json)


def _show_diff(title: str, found: Difference, limit: int, as_json: bool) -> None:
    lines = _lines(found)
    if as_json:
        print_json({
            "added": len(found.added),
            "removed": len(found.removed),
            "modified": len(found.modified),
            "renamed": len(found.renamed),
            "changes": lines,
        })  # fmt: skip
        return
    parts = [
        f"{len(group):,} {word}"
        for word, group in (
            ("added", found.added),
            ("removed", found.removed),
            ("modified", found.modified),
            ("renamed", found.renamed),
        )
        if group
    ]
    click.echo(f"{title}: {', '.join(parts) or 'no differences'}.")
    for line in lines[:limit]:
        old, new = line["size_before"], line["size_after"]
        where = f"{line['before']} → {line['path']}" if "before" in line else line["path"]
        sizes = " → ".join(amount(size) for size in (old, new) if size is not None)
        kinds = f"  ({line['kind_before']} → {line['kind_after']})" if "kind_after" in line else ""
        click.echo(f"  {line['change']:<9} {where}  {sizes}{kinds}")
    if len(lines) > limit:
        click.echo(f"  … and {len(lines) - limit:,} more (all of them with --json)")


def _lines(found: Difference) -> list[dict[str, Any]]:
    from millwright.data.trees import Kind

    lines: list[dict[str, Any]] = []
    for word, group in (
        ("added", found.added),
        ("removed", found.removed),
        ("modified", found.modified),
    ):
        for one in group:
            line: dict[str, Any] = {
                "change": word,
                "path": one.path.decode(),
                "size_before": one.before.size if one.before else None,
                "size_after": one.after.size if one.after else None,
            }
            if one.before and one.after and one.before.kind != one.after.kind:
                line["kind_before"] = Kind(one.before.kind).name.lower()
                line["kind_after"] = Kind(one.after.kind).name.lower()
            lines.append(line)
    for old, new in found.renamed:
        size = new.after.size if new.after else None
        lines.append({
            "change": "renamed", "path": new.path.decode(), "before": old.path.decode(),
            "size_before": size, "size_after": None,
        })  # fmt: skip
    return sorted(lines, key=lambda line: line["path"])


@click.command()
@click.argument("reference", metavar="NAME[@VERSION]")
@click.argument("tag_name", metavar="[TAG]", required=False)
@click.option("--move", is_flag=True, help="Move a tag that names another version.")
@click.option("--delete", is_flag=True, help="Take the tag away; the version stays.")
@PROJECT
@JSON
def tag(
    reference: str,
    tag_name: str | None,
    move: bool,
    delete: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Tag a version, so that NAME@TAG names it; without TAG, list the tags."""
    if delete and tag_name is not None:
        from millwright.data.references import split

        with opened(project) as (door, project_name):
            name = split(reference)[0]
            door.delete(f"/projects/{project_name}/datasets/{name}/refs/{tag_name}")
        _say(as_json, {"deleted": tag_name}, f"{name} has no tag '{tag_name}' any more.")
        return
    _name("tag", reference, tag_name, move, project, as_json)


@click.command()
@click.argument("reference", metavar="NAME[@VERSION]")
@click.argument("branch_name", metavar="[BRANCH]", required=False)
@PROJECT
@JSON
def branch(reference: str, branch_name: str | None, project: str | None, as_json: bool) -> None:
    """Start a branch at a version; without BRANCH, list the branches."""
    _name("branch", reference, branch_name, False, project, as_json)


def _name(
    kind: str, reference: str, ref: str | None, move: bool, project: str | None, as_json: bool
) -> None:
    from millwright.data.references import split

    name, selector = split(reference)
    with opened(project) as (door, project_name):
        path = f"/projects/{project_name}/datasets/{name}/refs"
        if ref is None:
            found = [one for one in door.get(path) if one["kind"] == kind]
            lines = [f"{name}@{one['ref']:<24} version {one['version']}" for one in found]
            empty = f"{name} has no {kind}s. Make one with: mw data {kind} {name} NAME"
            _say(as_json, found, "\n".join(lines) or empty)
            return
        body = {"kind": kind, "version": selector, "move": move}
        made = door.put(f"{path}/{ref}", body)
    sentence = f"{name}@{ref} is version {made['version']}."
    if kind == "branch":
        sentence += f" Work on it with: mw data checkout {name}@{ref}"
    _say(as_json, made, sentence)


def _say(as_json: bool, value: Any, sentence: str) -> None:
    if as_json:
        print_json(value)
    else:
        click.echo(sentence)
