"""Merging versions, through the door; and files of conflicts that people fill in."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from millwright.data.merging.conflicts import RowConflict
from millwright.data.merging.records import MergeOutcome, MergeRequest, Resolution
from millwright.data.references import split
from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput

_HEAD = ("key", "kind", "column", "base", "ours", "theirs", "take")


def merge_version(door: Door, project: str, reference: str, request: MergeRequest) -> MergeOutcome:
    """Merge a version (``name@version``, theirs) into a branch of its dataset (ours)."""
    name, version = split(reference)
    path = f"/projects/{project}/datasets/{name}/versions/{version}/merge"
    return MergeOutcome.model_validate(door.post(path, request))


def write_conflicts(path: Path, conflicts: Sequence[RowConflict]) -> None:
    """Write conflicts as CSV; somebody fills the last column with ``ours`` or ``theirs``."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_HEAD)
        for conflict in conflicts:
            cells = (conflict.base, conflict.ours, conflict.theirs)
            key = json.dumps(conflict.key, ensure_ascii=False)
            writer.writerow([key, conflict.kind, conflict.column or "", *cells, ""])


def read_resolutions(path: Path) -> tuple[Resolution, ...]:
    """The decisions in a file that ``write_conflicts`` wrote; lines without one are left out.

    Raises:
        InvalidInput: it is no such file, or a line says something else than ours or theirs.
    """
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    found = []
    for number, line in enumerate(lines, start=2):
        if not (line.get("take") or "").strip():
            continue
        try:
            key = json.loads(line["key"])
            resolution = {"key": key, "column": line["column"] or None, "take": line["take"]}
            found.append(Resolution.model_validate(resolution))
        except (KeyError, ValueError) as cause:
            raise InvalidInput(
                "data.resolutions",
                f"Line {number} of {path.name} is no resolution of a conflict.",
                hint="Write 'ours' or 'theirs' into the column 'take', and leave the others.",
            ) from cause
    return tuple(found)
