"""Erased files in the working copies of a workspace: removed, and what the index says of them."""

from __future__ import annotations

from dataclasses import replace

from millwright.data import trees
from millwright.data.storage.erasure_plan import Plan, Rewrite
from millwright.data.tree_store import TreeStore
from millwright.data.working.adding import write_beside
from millwright.data.working.index import Tracked, WorkingIndex
from millwright.data.working.journal import Known
from millwright.data.working.pages import NOT_THERE
from millwright.data.working.place import Place
from millwright.kernel.objects import ProjectObjects
from millwright.kernel.store import Store


def erase_working_files(store: Store, project: str, found: Plan) -> list[str]:
    """Remove working files that hold erased bytes, and say which they were.

    A working copy of a rewritten version of files becomes one of what the version is now. The file
    that a table was given as goes, and the table is no longer tracked there: check it out again.
    """
    index = WorkingIndex(store.workspace.state)
    rewritten = {one.row["id"]: one for one in found.rewrites}
    objects = store.objects.of(project)
    removed: list[str] = []
    try:
        for tracked in index.tracked():
            one = rewritten.get(tracked.version_id)
            if one is not None:
                place = Place(store.workspace, project)
                removed += _erase(place, index, objects, tracked, one)
    finally:
        index.close()
    return removed


def _erase(
    place: Place, index: WorkingIndex, objects: ProjectObjects, tracked: Tracked, one: Rewrite
) -> list[str]:
    base = tracked.base(place.root)
    if one.row["kind"] == "table":
        index.forget(tracked.id)
        given = [base / member for member in tracked.members] or [base]
        gone = [file for file in given if file.is_file()]
        for file in gone:
            objects.discard(file)
        return [str(file) for file in gone]
    new = str(one.values["digest"])
    changes = trees.diff(TreeStore(objects), tracked.root, bytes.fromhex(new))
    removed = []
    marks: dict[str, bytes | None] = {}
    for change in changes.modified:
        path = change.path.decode()
        if change.after is None:
            continue
        marks[path] = NOT_THERE
        if (base / path).is_file():
            objects.discard(base / path)
            removed.append(str(base / path))
    with index.writing():
        index.sign(tracked.id, marks)
        index.track(replace(tracked, digest=new, root=bytes.fromhex(new)))
    write_beside(place, tracked, Known.of_row(place.project, {**one.row, **one.values}))
    return removed
