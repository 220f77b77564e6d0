"""Merging a version into a branch, as a version with two parents."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from millwright.data import service, trees
from millwright.data.comparison.records import Cell
from millwright.data.comparison.service import choose_key
from millwright.data.comparison.table_file import TableFile
from millwright.data.merging.ancestry import common_ancestor
from millwright.data.merging.conflicts import RowConflict, Side
from millwright.data.merging.records import (
    MergeOutcome,
    MergeRequest,
    Resolution,
)
from millwright.data.merging.rows import MergePlan, Versions, plan_merge
from millwright.data.merging.writing import describe, resolve, rows_changed, write_merged
from millwright.data.parquet import ParquetSink
from millwright.data.records import DatasetVersion, NewVersion
from millwright.data.tree_store import TreeStore
from millwright.kernel.access import Actor
from millwright.kernel.errors import InvalidInput
from millwright.kernel.store import Store

_SHOWN: Final = 1000


def merge_version(
    store: Store, actor: Actor, project: str, name: str, version: str, request: MergeRequest
) -> MergeOutcome:
    """Merge a version (theirs) into a branch (ours).

    The result has both as parents, also where one is simply ahead of the other. With conflicts
    that nothing resolves there is no new version.

    Raises:
        NotFound: there is no such version or branch.
        InvalidInput: the two have nothing in common, are not of one kind, or no key is known.
        Conflict: rows cannot be told apart, or a column went two ways.
    """
    theirs = service.get_version(store, project, name, version)
    ours = service.get_version(store, project, name, request.into)
    if theirs.kind != ours.kind:
        raise InvalidInput(
            "data.two_kinds", f"{ours.reference} is {ours.kind}, {theirs.reference} {theirs.kind}."
        )
    versions = {v.id: v for v in service.list_versions(store, project, name)}
    parents = {v.id: v.parents for v in versions.values()}
    base_id = common_ancestor(parents, ours.id, theirs.id)
    if base_id is None:
        raise InvalidInput(
            "data.no_common_version",
            f"{ours.reference} and {theirs.reference} came of no common version.",
            hint="Start a branch from a version with: mw data branch NAME@VERSION BRANCH",
        )
    base = versions[base_id]
    if base_id == theirs.id:
        return MergeOutcome(version=ours, how="already-merged", base=base.reference)
    if base_id == ours.id:
        if request.dry_run:
            return MergeOutcome(how="dry-run", base=base.reference)
        kept = _keep(store, actor, request, ours, theirs, theirs.digest)
        return MergeOutcome(version=kept, how="fast-forward", base=base.reference)
    merge = _merge_files if ours.kind == "files" else _merge_tables
    return merge(store, actor, request, base, ours, theirs)


def _merge_tables(
    store: Store,
    actor: Actor,
    request: MergeRequest,
    base: DatasetVersion,
    ours: DatasetVersion,
    theirs: DatasetVersion,
) -> MergeOutcome:
    key, _ = choose_key(base, ours, request.key)
    objects = store.objects.of(ours.project)
    with ExitStack() as stack:
        opened = [stack.enter_context(objects.open(v.digest)) for v in (base, ours, theirs)]
        files = Versions(*(TableFile(stream) for stream in opened))
        plan = plan_merge(files, key)
        total = len(plan.conflicts)
        left = resolve(plan, _decisions(plan, files, key, request))
        outcome = MergeOutcome(
            how="conflicts" if left else "dry-run",
            base=base.reference,
            rows_changed=rows_changed(plan),
            rows_added=len(plan.appended),
            rows_removed=len(plan.dropped),
            conflicts=len(left),
            resolved=total - len(left),
            unresolved=tuple(describe(left[:_SHOWN], files, key)),
        )
        if left or request.dry_run:
            return outcome
        with tempfile.TemporaryDirectory(prefix="millwright-merge-") as folder:
            path = Path(folder) / "merged.parquet"
            with ParquetSink(path, name=ours.name) as sink:
                write_merged(plan, files, sink)
            digest = objects.put(path)
    kept = _keep(store, actor, request, ours, theirs, digest)
    return outcome.model_copy(update={"version": kept, "how": "merged"})


def _merge_files(
    store: Store,
    actor: Actor,
    request: MergeRequest,
    base: DatasetVersion,
    ours: DatasetVersion,
    theirs: DatasetVersion,
) -> MergeOutcome:
    nodes = TreeStore(store.objects.of(ours.project))
    roots = [bytes.fromhex(version.digest) for version in (base, ours, theirs)]
    merged = trees.merge(nodes, *roots)
    found = [
        RowConflict(
            kind="path",
            key={"path": conflict.path.decode()},
            base=conflict.base.hex if conflict.base else None,
            ours=conflict.ours.hex if conflict.ours else None,
            theirs=conflict.theirs.hex if conflict.theirs else None,
        )
        for conflict in merged.conflicts
    ]
    sides = _chosen(found, request)
    taken = {
        conflict.path: conflict.theirs
        for conflict, side in zip(merged.conflicts, sides, strict=True)
        if side == "theirs"
    }
    left = [conflict for conflict, side in zip(found, sides, strict=True) if side is None]
    outcome = MergeOutcome(
        how="conflicts" if left else "dry-run",
        base=base.reference,
        conflicts=len(left),
        resolved=len(found) - len(left),
        unresolved=tuple(left[:_SHOWN]),
    )
    if left or request.dry_run:
        return outcome
    digest = nodes.keep(merged)
    if taken:
        digest = nodes.keep(trees.edit(nodes, bytes.fromhex(digest), taken))
    kept = _keep(store, actor, request, ours, theirs, digest)
    return outcome.model_copy(update={"version": kept, "how": "merged"})


def _decisions(
    plan: MergePlan, files: Versions, key: Sequence[str], request: MergeRequest
) -> list[Side | None]:
    if not request.resolutions:
        return [request.prefer] * len(plan.conflicts)
    return _chosen(describe(plan.conflicts, files, key), request)


def _chosen(conflicts: Sequence[RowConflict], request: MergeRequest) -> list[Side | None]:
    said = {_name(r): r.take for r in request.resolutions}
    unknown = set(said) - {_name(conflict) for conflict in conflicts}
    if unknown:
        raise InvalidInput(
            "data.unknown_conflict",
            f"{len(unknown):,} of the resolutions are about no conflict of this merge.",
            hint="Ask for the conflicts anew: the versions may have moved on.",
            value=sorted(unknown)[0],
        )
    return [said.get(_name(conflict), request.prefer) for conflict in conflicts]


def _name(conflict: RowConflict | Resolution) -> str:
    key: dict[str, Cell] = conflict.key
    return json.dumps([sorted(key.items()), conflict.column])


def _keep(
    store: Store,
    actor: Actor,
    request: MergeRequest,
    ours: DatasetVersion,
    theirs: DatasetVersion,
    digest: str,
) -> DatasetVersion:
    message = request.message or f"Merge {theirs.reference} into {request.into}"
    new = NewVersion(
        digest=digest,
        kind=ours.kind,
        branch=request.into,
        parents=(ours.id, theirs.id),
        message=message,
        key=ours.key,
        source=message[:1000],
    )
    return service.commit_version(store, actor, ours.project, ours.name, new)
